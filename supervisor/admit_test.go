package supervisor

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/launch"
	"brood/protocol"
)

// addIdle adds an idle worker, and returns its end of the control socket.
func (f *fake) addIdle(t *testing.T) (*worker, int) {
	t.Helper()
	ours, theirs, err := ipc.SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	f.pool.lastID++
	w := &worker{Child: launch.Child{PID: 4711, PIDFD: -1, Control: ours, Stats: -1, Stderr: -1, Helper: -1}, id: f.pool.lastID, state: idle}
	f.pool.all[w.id] = w
	f.pool.idle = append(f.pool.idle, w)
	t.Cleanup(func() {
		ipc.CloseFD(w.Control)
		ipc.CloseFD(theirs)
		if w.session != nil {
			ipc.CloseFD(w.session.socket)
		}
	})
	return w, theirs
}

func rrq(file string) []byte { return protocol.Request{Op: protocol.OpRRQ, File: file}.Append(nil) }

// from is a datagram of a client on loopback.
func from(port uint16, data []byte) arrival {
	return arrival{
		peer:  netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port),
		local: netip.MustParseAddr("127.0.0.1"),
		data:  data,
	}
}

func TestArrive(t *testing.T) {
	t.Parallel()
	wrq := protocol.Request{Op: protocol.OpWRQ, File: "x"}.Append(nil)
	for _, tt := range []struct {
		name    string
		data    []byte
		want    func(*ServerStats) *uint64
		answer  protocol.ErrorCode // 0: silence
		session bool
	}{
		{"an RRQ", rrq("x"), nil, 0, true},
		{"a WRQ", wrq, func(s *ServerStats) *uint64 { return &s.Refused.Write }, protocol.CodeAccessViolation, false},
		{"a malformed WRQ", wrq[:4], func(s *ServerStats) *uint64 { return &s.Refused.Write }, protocol.CodeAccessViolation, false},
		{"a malformed RRQ", rrq("x")[:5], func(s *ServerStats) *uint64 { return &s.Refused.Malformed }, protocol.CodeIllegalOperation, false},
		{"nothing", nil, func(s *ServerStats) *uint64 { return &s.Ignored }, 0, false},
		{"DATA", []byte("\x00\x03\x00\x01x"), func(s *ServerStats) *uint64 { return &s.Ignored }, 0, false},
		{"ACK", []byte("\x00\x04\x00\x01"), func(s *ServerStats) *uint64 { return &s.Ignored }, 0, false},
		{"ERROR", []byte("\x00\x05\x00\x00x\x00"), func(s *ServerStats) *uint64 { return &s.Ignored }, 0, false},
		{"OACK", []byte("\x00\x06"), func(s *ServerStats) *uint64 { return &s.Ignored }, 0, false},
		{"an unknown opcode", []byte("\x00\x63"), func(s *ServerStats) *uint64 { return &s.Ignored }, 0, false},
	} {
		f := newFake(t, Options{})
		l := mustListen(t, "127.0.0.1:0")
		client := peerSocket(t, "127.0.0.1:0")
		f.arrive(f.now, l, arrival{peer: addrOf(client.LocalAddr()), local: l.addr.Addr(), data: tt.data})

		want := ServerStats{Requests: 1}
		if tt.want != nil {
			*tt.want(&want) = 1
		}
		if f.counters != want || f.queue.len() != map[bool]int{true: 1}[tt.session] {
			t.Errorf("%s: %q was counted as %+v with %d waiting, want %+v", tt.name, tt.data, f.counters, f.queue.len(), want)
		}
		// On loopback an answer is there when it has been sent, and the mark after it.
		mark := &protocol.Error{Code: 99}
		l.refuse(arrival{peer: addrOf(client.LocalAddr()), local: l.addr.Addr()}, mark)
		for answered := false; ; answered = true {
			var buf [512]byte
			n, _, err := client.ReadFromUDPAddrPort(buf[:])
			if err != nil {
				t.Fatal(err)
			}
			got, err := protocol.ParseError(buf[:n])
			if err != nil {
				t.Fatalf("%s: answered with %q", tt.name, buf[:n])
			}
			if got.Code == mark.Code {
				if answered != (tt.answer != 0) {
					t.Errorf("%s: answered: %v, want %v", tt.name, answered, tt.answer != 0)
				}
				break
			}
			if got.Code != tt.answer || answered {
				t.Errorf("%s: %q was answered with ERROR %d, want %d and once", tt.name, tt.data, got.Code, tt.answer)
			}
		}
	}
}

func TestArriveFromAnAddressThatCantBeAnswered(t *testing.T) {
	t.Parallel()
	for _, peer := range []string{"127.0.0.1:0", "224.0.0.1:2070", "0.0.0.0:2070", "[ff02::1]:2070", "[::]:2070"} {
		f := newFake(t, Options{})
		f.arrive(f.now, &listener{fd: -1}, arrival{peer: netip.MustParseAddrPort(peer), local: testLocal, data: rrq("x")})
		if f.counters != (ServerStats{Requests: 1, Ignored: 1}) || f.queue.len() != 0 {
			t.Errorf("an RRQ from %s was counted as %+v, want it ignored", peer, f.counters)
		}
	}
}

func TestRepeatedRequestsAreOneSession(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{})
	l := &listener{fd: -1}
	later := f.now.Add(5 * time.Second)
	f.arrive(f.now, l, from(2070, rrq("x")))
	f.arrive(later, l, from(2070, rrq("x")))
	f.arrive(later, l, from(2070, rrq("y")))
	f.arrive(later, l, from(2071, rrq("x")))
	if f.counters.Duplicates != 1 || f.queue.len() != 3 || f.counters.Requests != 4 {
		t.Errorf("counted %+v with %d waiting, want 1 duplicate and 3 sessions of 4 requests", f.counters, f.queue.len())
	}
	waiting := f.queue.lines[strangers].turns[0].waiting
	if seen := waiting[0].seen; !seen.Equal(later) {
		t.Errorf("the client was last seen %v after its request, want %v: it still waits", seen.Sub(f.now), later.Sub(f.now))
	}
	second := waiting[1]
	if second.older == nil || second.older.request.File != "x" {
		t.Errorf("the second request of the conversation has older session %+v, want the first", second.older)
	}
}

// One client's port can't make the table long: each of its requests is compared
// with all of its sessions.
func TestOnePortHasFewSessions(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{})
	for i := range maxTalks + 3 {
		f.arrive(f.now, nil, from(2070, rrq(fmt.Sprint(i))))
	}
	f.arrive(f.now, nil, from(2071, rrq("x")))
	f.arrive(f.now, nil, from(2070, rrq("0"))) // known, and so no more than a repetition
	if c := f.counters; f.queue.len() != maxTalks+1 || c.Refused.Crowded != 3 || c.Duplicates != 1 {
		t.Errorf("%d wait, %d refused, %d duplicates; want %d, 3, 1", f.queue.len(), c.Refused.Crowded, c.Duplicates, maxTalks+1)
	}
}

func TestRequestsBeyondMaxWaitingAreDropped(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		maxWaiting int
		idle, want int // of 4 requests, how many are kept
	}{
		{"two may wait", 2, 0, 2},
		{"none may wait, nobody is idle", -1, 0, 0},
		{"none may wait, but three are idle", -1, 3, 3},
		{"two may wait and one is idle", 2, 1, 3},
	} {
		f := newFake(t, Options{MaxWaiting: tt.maxWaiting})
		for range tt.idle {
			f.addIdle(t)
		}
		for i := range 4 {
			f.arrive(f.now, &listener{fd: -1}, from(uint16(2070+i), rrq("x")))
		}
		kept := f.queue.len() + len(f.pool.busy)
		if kept != tt.want || f.counters.Refused.QueueFull != uint64(4-tt.want) || len(f.sessions.newest) != kept {
			t.Errorf("%s: %d kept and %d dropped, want %d and %d", tt.name, kept, f.counters.Refused.QueueFull, tt.want, 4-tt.want)
		}
	}
}

// A flood from one address has its own places in the queue, and no others.
func TestAFloodDisplacesItselfOnly(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MaxWaiting: 4})
	l := &listener{fd: -1}
	for i := range 10 {
		f.arrive(f.now, l, from(uint16(3000+i), rrq("flood")))
	}
	honest := func(last byte) arrival {
		a := from(2070, rrq("honest"))
		a.peer = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 1, last}), 2070)
		return a
	}
	for i := range 4 {
		f.arrive(f.now, l, honest(byte(i)))
	}
	if n := len(f.queue.lines[strangers].lanes); n != 4 || f.queue.len() != 4 || f.counters.Refused.QueueFull != 6+4 {
		t.Errorf("%d sources wait in %d places, and %d were refused; want one place each of 4, and 10 refused", n, f.queue.len(), f.counters.Refused.QueueFull)
	}
	for _, r := range f.reported() {
		if r.File != "flood" || r.Outcome != Unserved {
			t.Errorf("%v of %s was %v", r.Peer, r.File, r.Outcome)
		}
	}
}

func TestASourceHasSoManySessionsAndOthersPassIt(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MaxSessions: 4, MaxSessionsPerSource: 2})
	for range 4 {
		f.addIdle(t)
	}
	l := &listener{fd: -1}
	for i := range 4 {
		f.arrive(f.now, l, from(uint16(3000+i), rrq("many")))
	}
	other := from(3000, rrq("other"))
	other.peer = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 9}), 3000)
	f.arrive(f.now, l, other)
	files := map[string]int{}
	for _, w := range f.pool.busy {
		files[w.session.request.File]++
	}
	if files["many"] != 2 || files["other"] != 1 || f.queue.len() != 2 {
		t.Fatalf("%v run and %d wait, want 2 of many, the other, and 2 waiting", files, f.queue.len())
	}
	f.refill(f.now)
	if n := f.ordered(); n > f.MinIdle {
		t.Errorf("%d workers were ordered, want none for those whose source has no room", n)
	}
	for _, w := range f.pool.busy {
		if w.session.request.File == "many" {
			f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindFinal, Session: w.session.id, Outcome: ipc.OutcomePeerGone})
			break
		}
	}
	f.serveWaiting(f.now)
	if f.queue.len() != 1 || f.sessions.running[other.peer.Addr()] != 1 {
		t.Errorf("%d wait and %v run, want one to have taken the place", f.queue.len(), f.sessions.running)
	}
}

func TestHandOverGivesJobAndSocket(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{Timeout: 3 * time.Second})
	w, theirs := f.addIdle(t)
	client := peerSocket(t, "127.0.0.1:0")
	a := from(addrOf(client.LocalAddr()).Port(), rrq("pxelinux.0"))
	f.arrive(f.now, &listener{fd: -1}, a)
	job, socket, err := ipc.ReceiveJob(theirs, make([]byte, ipc.MaxJob))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(socket)
	if job.File != "pxelinux.0" || job.Peer != a.peer || job.Timeout != 3*time.Second || job.Session != w.session.id || job.Local != w.session.local {
		t.Errorf("the job is %+v, want pxelinux.0 for %v", job, a.peer)
	}
	if _, err := unix.Write(socket, []byte("from the worker")); err != nil {
		t.Fatal(err)
	}
	var buf [64]byte
	n, from, err := client.ReadFromUDPAddrPort(buf[:])
	if err != nil || string(buf[:n]) != "from the worker" || from != job.Local {
		t.Errorf("the client got %q from %v (%v), want it from %v", buf[:n], from, err, job.Local)
	}
	if w.state != busy || f.pool.busy[w.id] != w || len(f.pool.idle) != 0 || f.counters.Started != 1 || w.session.worker != w {
		t.Errorf("worker state %d, %d busy, %d idle, %+v; want it busy and counted", w.state, len(f.pool.busy), len(f.pool.idle), f.counters)
	}
}

func TestAJobThatAWorkerDidNotLiveToTakeGoesToTheNext(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{})
	alive, theirs := f.addIdle(t)
	dead, end := f.addIdle(t) // is taken first
	unix.Shutdown(end, unix.SHUT_RDWR)
	f.arrive(f.now, &listener{fd: -1}, from(2070, rrq("x")))
	if _, socket, err := ipc.ReceiveJob(theirs, make([]byte, ipc.MaxJob)); err != nil {
		t.Errorf("the other worker got no job: %v", err)
	} else {
		unix.Close(socket)
	}
	if dead.state != leaving || dead.Control != -1 || alive.state != busy || f.counters.Started != 1 || f.queue.len() != 0 {
		t.Errorf("states %d and %d, %d started, %d waiting; want the first to leave and the second busy", dead.state, alive.state, f.counters.Started, f.queue.len())
	}
}

// An error that is not the worker's must not cost one worker after the other.
func TestAJobThatCantBeSentIsUnservedAndCostsNoWorker(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{})
	w, _ := f.addIdle(t)
	control := w.Control
	defer unix.Close(control)
	file, err := os.Open(os.DevNull) // no socket: ENOTSOCK
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w.Control = int(file.Fd())
	f.arrive(f.now, &listener{fd: -1}, from(2070, rrq("x")))
	got := f.reported()
	if len(got) != 1 || got[0].Outcome != Unserved || !strings.Contains(got[0].Detail, "handing a job over") || f.queue.len() != 0 {
		t.Errorf("recorded %+v with %d waiting, want one session, unserved, and why", got, f.queue.len())
	}
	if w.state != idle || len(f.pool.idle) != 1 || f.counters.Refused.Unreachable != 1 {
		t.Errorf("the worker's state is %d, %d are idle, counted %+v; want it idle", w.state, len(f.pool.idle), f.counters)
	}
}

func TestRequestsWaitWhileThePortsAreUsed(t *testing.T) {
	ports := freePorts(t, 1)
	f := newFake(t, Options{PortRange: ports})
	f.addIdle(t)
	first, theirs := f.addIdle(t) // is taken first
	f.arrive(f.now, &listener{fd: -1}, from(2070, rrq("x")))
	f.arrive(f.now, &listener{fd: -1}, from(2071, rrq("x")))
	if first.state != busy || len(f.pool.idle) != 1 || f.queue.len() != 1 || !f.pool.holdUntil.After(f.now) {
		t.Fatalf("state %d, %d idle, %d waiting; want one busy, one idle, one waiting, and a pause", first.state, len(f.pool.idle), f.queue.len())
	}
	_, socket, err := ipc.ReceiveJob(theirs, make([]byte, ipc.MaxJob))
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(socket) // the worker's; the supervisor's is closed by the last frame
	f.frame(f.now, first, &ipc.Frame{Kind: ipc.KindFinal, Session: first.session.id, Outcome: ipc.OutcomeComplete})
	f.serveWaiting(f.now)
	if f.queue.len() != 1 {
		t.Errorf("nobody waits any more, want a pause until %v", f.pool.holdUntil)
	}
	f.serveWaiting(f.pool.holdUntil)
	if f.queue.len() != 0 || f.counters.Started != 2 {
		t.Errorf("after the pause %d wait and %d were started, want 0 and 2", f.queue.len(), f.counters.Started)
	}
}

func TestARequestThatCantBeAnsweredIsRecordedAndCounted(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{})
	f.addIdle(t)
	a := from(2070, rrq("x"))
	a.peer = netip.MustParseAddrPort("255.255.255.255:2070")
	f.arrive(f.now, &listener{fd: -1}, a)
	got := f.reported()
	if len(got) != 1 || got[0].Outcome != Unserved || got[0].Detail == "" || f.counters.Refused.Unreachable != 1 || f.counters.Started != 0 {
		t.Errorf("recorded %+v, counted %+v; want one session unserved and the reason", got, f.counters)
	}
	if len(f.pool.idle) != 1 || len(f.sessions.newest) != 0 {
		t.Errorf("%d idle, %d sessions; want the worker idle again and nothing kept", len(f.pool.idle), len(f.sessions.newest))
	}
}

// Every request is in one counter, however it ended.
func TestRequestsAddUp(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MaxSessions: 2, MaxWaiting: 3, DrainTimeout: -1})
	l := mustListen(t, "127.0.0.1:0")
	for range 4 {
		f.addIdle(t)
	}
	for i := range 10 { // 2 run, 3 wait, the others are dropped
		f.arrive(f.now, l, from(uint16(3000+i), rrq("x")))
		f.arrive(f.now, l, from(uint16(3000+i), rrq("x")))
		f.arrive(f.now, l, from(uint16(3000+i), rrq("")))
		f.arrive(f.now, l, from(uint16(3000+i), []byte{0}))
	}
	check := func(when string) {
		t.Helper()
		c := f.counters
		r := c.Refused
		sum := c.Ignored + c.Duplicates + r.Malformed + r.Write + r.Denied + r.TooOften + r.Penalised + r.Failing + r.QueueFull + r.Crowded + r.Stale + r.Unreachable + r.Draining + c.Started + uint64(f.queue.len())
		ended := c.Completed + c.Declined + c.TimedOut + c.Failed + c.Crashed + c.Ended + c.Expired
		if c.Requests != 40 || sum != c.Requests || c.Started != ended+uint64(len(f.pool.busy)) {
			t.Errorf("%s: %+v with %d waiting and %d running does not add up to 40", when, c, f.queue.len(), len(f.pool.busy))
		}
	}
	check("after the storm")
	if f.queue.len() != 3 || len(f.pool.busy) != 2 || f.counters.Duplicates != 5 {
		t.Errorf("%d wait, %d run, %d duplicates; want 3, 2 and 5", f.queue.len(), len(f.pool.busy), f.counters.Duplicates)
	}
	for _, w := range f.pool.busy {
		f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindFinal, Session: w.session.id, Outcome: ipc.OutcomePeerGone})
		break
	}
	f.serveWaiting(f.now)
	check("after a session")
	f.tick(f.now.Add(staleAfter + time.Second))
	check("after the others have given up")
	f.arrive(f.now, l, from(4000, rrq("x")))
	f.counters.Requests-- // the 41st
	f.drain(f.now)
	f.counters.Refused.Draining--
	for _, w := range f.pool.busy {
		f.dies(w, ipc.Exit{Signal: unix.SIGSEGV}, "")
	}
	check("after the end")
	if f.counters.Refused.Stale != 2 || f.counters.Crashed != 2 || f.counters.TimedOut != 1 {
		t.Errorf("counted %+v, want 2 stale, 2 crashed, 1 gone", f.counters)
	}
}

func TestListenersAreClosedByADrain(t *testing.T) {
	f := newFake(t, Options{})
	l, err := listen(netip.MustParseAddrPort("127.0.0.1:0"), false)
	if err != nil {
		t.Fatal(err)
	}
	f.listeners = []*listener{l}
	f.drain(f.now)
	if again, err := listen(l.addr, false); err != nil {
		t.Errorf("the port is still bound: %v", err)
	} else {
		unix.Close(again.fd)
	}
	if f.phase != draining || len(f.listeners) != 0 {
		t.Errorf("phase %d with %d listeners, want %d with none", f.phase, len(f.listeners), draining)
	}
}
