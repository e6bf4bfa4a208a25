package supervisor

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/protocol"
)

// crashing is a fake and one client that it serves.
type crashing struct {
	*fake
	l      *listener
	client interface {
		ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
	}
	peer netip.AddrPort
}

func newCrashing(t *testing.T, o Options) *crashing {
	t.Helper()
	client := peerSocket(t, "127.0.0.1:0")
	return &crashing{fake: newFake(t, o), l: mustListen(t, "127.0.0.1:0"), client: client, peer: addrOf(client.LocalAddr())}
}

// ask makes a request, which is given to a worker if it is heard.
func (c *crashing) ask(t *testing.T, file string) *worker {
	t.Helper()
	w, _ := c.addIdle(t)
	before := len(c.pool.busy)
	c.arrive(c.now, c.l, arrival{peer: c.peer, local: c.l.addr.Addr(), data: rrq(file)})
	if len(c.pool.busy) > before {
		return w
	}
	return nil
}

// crash asks, and has the worker die, after the client's first ACK or before.
func (c *crashing) crash(t *testing.T, file string, acked bool) bool {
	t.Helper()
	w := c.ask(t, file)
	if w == nil {
		return false
	}
	if acked {
		c.frame(c.now, w, &ipc.Frame{Kind: ipc.KindConfirmed, Session: w.session.id})
	}
	c.dies(w, ipc.Exit{Signal: unix.SIGSEGV}, "")
	c.answer(t)
	return true
}

// works asks, and has the session end well.
func (c *crashing) works(t *testing.T, file string) bool {
	t.Helper()
	w := c.ask(t, file)
	if w == nil {
		return false
	}
	c.frame(c.now, w, &ipc.Frame{Kind: ipc.KindFinal, Session: w.session.id, Outcome: ipc.OutcomeComplete})
	return true
}

// answer is the ERROR that the client has got.
func (c *crashing) answer(t *testing.T) *protocol.Error {
	t.Helper()
	var buf [512]byte
	n, _, err := c.client.ReadFromUDPAddrPort(buf[:])
	if err != nil {
		t.Fatal(err)
	}
	e, err := protocol.ParseError(buf[:n])
	if err != nil {
		t.Fatalf("the client got %q, want ERROR", buf[:n])
	}
	return &e
}

func TestARequestThatKeepsCrashingIsAnsweredWithoutAProcess(t *testing.T) {
	t.Parallel()
	c := newCrashing(t, Options{})
	for i := range loopCrashes {
		if !c.crash(t, "bad", false) {
			t.Fatalf("after %d crashes it was not tried", i)
		}
	}
	for pause := minPause; ; pause = 2 * pause {
		pause = min(pause, maxPause)
		for _, in := range []time.Duration{0, pause - time.Millisecond} {
			c.now = c.now.Add(in)
			if c.ask(t, "bad") != nil {
				t.Fatalf("it was tried %v into a pause of %v", in, pause)
			}
			if e := c.answer(t); e.Code != protocol.CodeUndefined {
				t.Errorf("the client got %v, want ERROR 0", e)
			}
			if !c.works(t, "good") {
				t.Fatal("another file was not served")
			}
		}
		c.now = c.now.Add(time.Millisecond)
		if !c.crash(t, "bad", false) {
			t.Fatalf("it was not tried after a pause of %v", pause)
		}
		if pause == maxPause {
			break
		}
	}
	c.now = c.now.Add(maxPause)
	for i := range 2 {
		if !c.works(t, "bad") {
			t.Errorf("it is not served after it worked %d times", i)
		}
	}
	if r := c.counters.Refused; r.Failing == 0 || r.Penalised != 0 {
		t.Errorf("%+v, want it counted as failing and nobody penalised", r)
	}
}

// After a pause one session is tried, and others of the same request are not.
func TestOneSessionIsTriedAfterAPause(t *testing.T) {
	t.Parallel()
	c := newCrashing(t, Options{})
	for range loopCrashes {
		c.crash(t, "bad", false)
	}
	c.now = c.now.Add(minPause)
	tried := c.ask(t, "bad")
	other := peerSocket(t, "127.0.0.1:0")
	c.addIdle(t)
	again := func() bool {
		before := len(c.pool.busy)
		c.arrive(c.now, c.l, arrival{peer: addrOf(other.LocalAddr()), local: c.l.addr.Addr(), data: rrq("bad")})
		return len(c.pool.busy) > before
	}
	if tried == nil || again() {
		t.Fatalf("tried: %v, want one session and no other", tried != nil)
	}
	c.now = c.now.Add(tryFor)
	if !again() {
		t.Error("a trial that says nothing keeps all others away for ever")
	}
}

// What waited while others of its kind crashed is not tried in its turn.
func TestWaitingRequestsThatWouldCrashAreRefused(t *testing.T) {
	t.Parallel()
	c := newCrashing(t, Options{})
	waits := peerSocket(t, "127.0.0.1:0")
	c.arrive(c.now, c.l, arrival{peer: addrOf(waits.LocalAddr()), local: c.l.addr.Addr(), data: rrq("bad")})
	for range loopCrashes {
		c.crashes.request(c.now, string(rrq("bad")))
	}
	w, _ := c.addIdle(t)
	c.serveWaiting(c.now)
	if w.state != idle || len(c.pool.idle) != 1 || c.counters.Refused.Failing != 1 || c.queue.len() != 0 {
		t.Errorf("the worker is in state %d of %d idle ones, %+v; want it idle and 1 failing", w.state, len(c.pool.idle), c.counters.Refused)
	}
	var buf [512]byte
	if n, _, err := waits.ReadFromUDPAddrPort(buf[:]); err != nil || buf[1] != byte(protocol.OpERROR) {
		t.Errorf("who waited got %q, %v; want ERROR", buf[:n], err)
	}
}

func TestFewCrashesOrSlowOnesArePartOfLife(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]func(*crashing){
		"one that works now and then": func(c *crashing) { c.works(t, "bad") },
		"one that crashes slowly":     func(c *crashing) { c.now = c.now.Add(loopWithin/(loopCrashes-1) + time.Second) },
	} {
		c := newCrashing(t, Options{})
		for i := range 4 * loopCrashes {
			if !c.crash(t, "bad", false) {
				t.Errorf("%s: not tried after %d crashes", name, i)
				break
			}
			between(c)
		}
	}
}

func TestAClientThatCrashesHandlersIsNotHeardForAWhile(t *testing.T) {
	t.Parallel()
	c := newCrashing(t, Options{})
	file := byte('a') // another one each time: it is not the file
	crash := func() bool { file++; return c.crash(t, string(file), true) }
	for i := range 2 {
		if !crash() {
			t.Fatalf("it was not heard after %d crashes", i)
		}
	}
	for penalty := minPenalty; ; penalty *= 2 {
		penalty = min(penalty, maxPenalty)
		before := c.counters.Refused.Penalised
		c.now = c.now.Add(penalty - time.Millisecond)
		if c.ask(t, "good") != nil || c.counters.Refused.Penalised != before+1 {
			t.Fatalf("it was heard within a penalty of %v", penalty)
		}
		c.now = c.now.Add(time.Millisecond)
		if !crash() {
			t.Fatalf("it was not heard after a penalty of %v", penalty)
		}
		if penalty == maxPenalty {
			break
		}
	}
	c.now = c.now.Add(2*maxPenalty + time.Second)
	if !crash() || !c.works(t, "good") {
		t.Error("what it did long ago is not forgotten")
	}
}

// A source address alone proves nothing, so nobody can have another one penalised.
func TestAForgedSourceIsNotPenalised(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]struct {
		options Options
		acked   bool
	}{"no ACK": {Options{}, false}, "told not to": {Options{NoPenalties: true}, true}} {
		c := newCrashing(t, o.options)
		for i := range byte(50) {
			if !c.crash(t, string([]byte{'a' + i}), o.acked) {
				t.Fatalf("%s: it was not heard after %d crashes", name, i)
			}
		}
	}
}

// Most sessions tell of no ACK: the next one of a client that crashed does.
func TestSessionsOfASuspectTellOfItsFirstACK(t *testing.T) {
	t.Parallel()
	c := newCrashing(t, Options{})
	if c.crashes.suspect(c.peer.Addr()) {
		t.Error("a client that has done nothing is suspect")
	}
	c.crash(t, "bad", false)
	if !c.crashes.suspect(c.peer.Addr()) {
		t.Error("a client whose session crashed is not suspect")
	}
	sess := &session{with: testWith}
	if sess.job(&c.settings, true, false).Confirm || !sess.job(&c.settings, true, true).Confirm {
		t.Error("its sessions are not asked to tell")
	}
}

func TestCrashesAreForgotten(t *testing.T) {
	t.Parallel()
	c := newCrashes()
	now := time.Now()
	for i := range uint32(2 * maxPenalties) {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], i)
		for range loopCrashes {
			c.request(now, string(a[:]))
		}
		c.client(now, netip.AddrFrom4(a), true)
	}
	if c.requests.len() != maxLoops || c.clients.len() != maxPenalties {
		t.Errorf("%d requests and %d clients are known, want %d and %d", c.requests.len(), c.clients.len(), maxLoops, maxPenalties)
	}
	now = now.Add(maxPause + maxPenalty + time.Second)
	for range 20 {
		c.expire(now)
	}
	if c.requests.len() != 0 || c.clients.len() != 0 {
		t.Errorf("%d requests and %d clients are known long after", c.requests.len(), c.clients.len())
	}
}
