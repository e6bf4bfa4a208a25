package supervisor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/protocol"
	"brood/worker/workertest"
)

func get(t testing.TB, s *server, file string, options ...protocol.Option) ([]byte, *workertest.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var b bytes.Buffer
	// A client that asks again would be a session more where the first has just ended.
	client := &workertest.Client{Options: options, Timeout: 30 * time.Second}
	result, err := client.Get(ctx, s.addr, file, &b)
	return b.Bytes(), result, err
}

func TestServe(t *testing.T) {
	t.Parallel()
	s := startServer(t, spec{MinIdle: 2})
	small, _, err := get(t, s, "bytes/1000")
	if err != nil || !bytes.Equal(small, content(1000)) {
		t.Errorf("1000 bytes: got %d bytes, %v", len(small), err)
	}
	large, result, err := get(t, s, "bytes/100000",
		protocol.Option{Name: "blksize", Value: "1000"}, protocol.Option{Name: "windowsize", Value: "4"}, protocol.Option{Name: "tsize", Value: "0"})
	if err != nil || !bytes.Equal(large, content(100000)) || result.Size != 100000 {
		t.Errorf("100000 bytes: got %d bytes, %+v, %v", len(large), result, err)
	}
	var refusal *protocol.Error
	if _, _, err := get(t, s, "missing"); !errors.As(err, &refusal) || refusal.Code != protocol.CodeNotFound {
		t.Errorf("a missing file: %v, want ERROR 1", err)
	}
	s.tell("drain")
	sessions, last, failed := s.end()
	if failed != "" {
		t.Errorf("Run returned %q, want nil", failed)
	}
	slices.SortFunc(sessions, func(a, b SessionStats) int { return a.Received.Compare(b.Received) })
	if len(sessions) != 3 {
		t.Fatalf("OnSessionStats was called for %+v, want 3 sessions", sessions)
	}
	for i, want := range []SessionStats{
		{File: "bytes/1000", Outcome: Complete, Bytes: 1000, Packets: 2, Blksize: 512, Windowsize: 1, Size: 1000},
		{File: "bytes/100000", Outcome: Complete, Bytes: 100000, Packets: 102, Blksize: 1000, Windowsize: 4, Size: 100000},
		{File: "missing", Outcome: Refused, ErrorCode: 1, Size: -1},
	} {
		got := sessions[i]
		if got.File != want.File || got.Outcome != want.Outcome || got.ErrorCode != want.ErrorCode ||
			got.Bytes != want.Bytes || got.Blksize != want.Blksize || got.Windowsize != want.Windowsize || got.Size != want.Size ||
			got.Packets-got.Retransmissions != want.Packets { // a busy machine may be slow enough for some
			t.Errorf("session %d:\n got %+v\nwant %+v", i+1, got, want)
		}
		if got.Local.Addr() != s.addr.Addr() || got.Local.Port() == s.addr.Port() || got.Local.Port() == 0 ||
			got.Peer.Addr() != s.addr.Addr() || got.MAC != "" || got.WorkerPID == 0 ||
			got.FirstSent <= 0 || got.Duration < got.FirstSent || got.Waited > got.Duration || got.Received.IsZero() {
			t.Errorf("session %d: %+v, want a port of its own, a worker, and times in their order", i+1, got)
		}
	}
	if want := []protocol.Option{{Name: "blksize", Value: "1000"}, {Name: "windowsize", Value: "4"}, {Name: "tsize", Value: "0"}}; !slices.Equal(sessions[1].Options, want) {
		t.Errorf("session 2 asked for %v, want %v", sessions[1].Options, want)
	}
	if a, b := sessions[0].WorkerPID, sessions[1].WorkerPID; a == b {
		t.Errorf("two sessions had one worker, %d", a)
	}
	if last.Started != 3 || last.Completed != 2 || last.Missing != 1 || last.Bytes != 101000 || last.Requests-last.Duplicates != 3 ||
		last.Active+last.Waiting+last.Idle+last.Starting != 0 || last.WorkerFailures != 0 || last.ReportsLost != 0 || last.Since.IsZero() {
		t.Errorf("the server counted %+v, want 3 started, 2 completed, 1 missing, 101000 bytes, and nothing left", last)
	}
	if last.WorkersStarted < 3 {
		t.Errorf("%d workers were started for 3 sessions", last.WorkersStarted)
	}
	log := s.said()
	for _, want := range []string{"listening", "session: ", "outcome=complete", "bytes=100000", "draining"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q", want)
		}
	}
}

func TestAConstructorsErrorIsRunsError(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ config, want string }{
		{"refuse:/srv/none: no such directory", "/srv/none: no such directory"},
		{"panic", "panic: constructor"},
	} {
		s := startServer(t, spec{Config: tt.config})
		sessions, last, failed := s.end()
		first, rest, _ := strings.Cut(failed, "\n")
		if first != tt.want || len(sessions) != 0 || last.WorkerFailures != 1 || last.Starting != 0 {
			t.Errorf("with configuration %q Run returned %q, counting %+v, want %q and one failed start", tt.config, failed, last, tt.want)
		}
		if tt.config == "panic" && !strings.Contains(rest, "newTestHandler") {
			t.Errorf("after the panic comes %q, want its stack", rest)
		}
	}
}

// lockstep is a client that says by itself when it goes on.
type lockstep struct {
	t    *testing.T
	conn *net.UDPConn
	tid  netip.AddrPort
}

// request sends an RRQ and returns what comes in answer.
func request(t *testing.T, s *server, file string) (*lockstep, string) {
	t.Helper()
	c := &lockstep{t: t, conn: peerSocket(t, "127.0.0.1:0")}
	rrq := protocol.Request{Op: protocol.OpRRQ, File: file}.Append(nil)
	if _, err := c.conn.WriteToUDPAddrPort(rrq, s.addr); err != nil {
		t.Fatal(err)
	}
	return c, c.read()
}

func (c *lockstep) read() string {
	c.t.Helper()
	var buf [2048]byte
	n, from, err := c.conn.ReadFromUDPAddrPort(buf[:])
	if err != nil {
		c.t.Fatal(err)
	}
	c.tid = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	return string(buf[:n])
}

// ack acknowledges a block.
func (c *lockstep) ack(block uint16) {
	c.t.Helper()
	if _, err := c.conn.WriteToUDPAddrPort(protocol.Ack{Block: block}.Append(nil), c.tid); err != nil {
		c.t.Fatal(err)
	}
}

// until reads until a packet begins so; earlier ones were sent again.
func (c *lockstep) until(prefix string) string {
	for {
		if p := c.read(); strings.HasPrefix(p, prefix) {
			return p
		}
	}
}

// closed waits until nobody listens on the server's port.
func (s *server) closed() {
	s.t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.addr))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	var buf [64]byte
	for {
		// A WRQ is answered and costs no session. One that lay in the port's buffer
		// when it was closed gets no answer of any kind.
		_, err := conn.Write(protocol.Request{Op: protocol.OpWRQ, File: "x"}.Append(nil))
		if err == nil {
			conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			_, err = conn.Read(buf[:])
		}
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			return
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			s.t.Fatal(err)
		}
	}
}

func TestADrainLetsSessionsFinish(t *testing.T) {
	t.Parallel()
	s := startServer(t, spec{MinIdle: 1})
	c, first := request(t, s, "bytes/600")
	if want := "\x00\x03\x00\x01" + string(content(600)[:512]); first != want {
		t.Fatalf("got %.20q, want DATA 1", first)
	}
	s.stdin.Close() // the context ends
	s.closed()
	c.ack(1)
	if got, want := c.until("\x00\x03\x00\x02"), "\x00\x03\x00\x02"+string(content(600)[512:]); got != want {
		t.Errorf("got %.20q, want DATA 2", got)
	}
	c.ack(2)
	sessions, last, failed := s.end()
	if failed != "" || len(sessions) != 1 || sessions[0].Outcome != Complete || last.Completed != 1 || last.Refused.Write == 0 && last.Requests > 1 {
		t.Errorf("Run returned %q after %+v, counting %+v; want one complete session", failed, sessions, last)
	}
}

func TestHurryEndsSessions(t *testing.T) {
	t.Parallel()
	s := startServer(t, spec{MinIdle: 1})
	c, _ := request(t, s, "bytes/600")
	s.tell("hurry")
	if got := c.until("\x00\x05"); !strings.HasPrefix(got, "\x00\x05\x00\x00") {
		t.Errorf("the client got %q, want ERROR 0", got)
	}
	sessions, last, failed := s.end()
	if failed != "" || len(sessions) != 1 || sessions[0].Outcome != Drained || last.Ended != 1 {
		t.Errorf("Run returned %q after %+v, counting %+v; want one session ended by the drain", failed, sessions, last)
	}
}

func TestAWorkersDeathIsTheSessionsAndNoMore(t *testing.T) {
	t.Parallel()
	s := startServer(t, spec{MinIdle: 1})
	c, _ := request(t, s, "bytes/600")
	for _, file := range []string{"panic", "exit/0", "exit/9"} {
		var e *protocol.Error
		if _, _, err := get(t, s, file); !errors.As(err, &e) || e.Code != protocol.CodeUndefined {
			t.Errorf("%s: the client got %v, want ERROR 0", file, err)
		}
	}
	c.ack(1)
	c.until("\x00\x03\x00\x02")
	c.ack(2)
	s.tell("drain")
	sessions, last, failed := s.end()
	if failed != "" || last.Crashed != 3 || last.Completed != 1 || last.Started != 4 {
		t.Errorf("Run returned %q, counting %+v; want 3 crashed and 1 completed", failed, last)
	}
	for _, got := range sessions {
		want := map[string]string{"panic": "exit 2 (panic)", "exit/0": "exit 0", "exit/9": "exit 9"}[got.File]
		if want == "" {
			continue
		}
		if got.Outcome != Crashed || !strings.HasSuffix(got.Detail, want) || !strings.Contains(got.Detail, strconv.Itoa(got.WorkerPID)) {
			t.Errorf("%s: recorded %+v, want a crash: %q", got.File, got, want)
		}
		stack := strings.HasPrefix(got.Stack, "panic: handler\n") && strings.Contains(got.Stack, "goroutine")
		if stack != (got.File == "panic") {
			t.Errorf("%s: recorded the stack %q", got.File, got.Stack)
		}
	}
}

func TestWorkersHaveTheLeastOfRights(t *testing.T) {
	t.Parallel()
	s := startServer(t, spec{MinIdle: 1, ReadPaths: []string{"/proc"}})
	status, _, err := get(t, s, "status")
	if err != nil {
		t.Fatal(err)
	}
	able, err := holds(unix.CAP_SETUID, unix.CAP_SETGID)
	if err != nil {
		t.Fatal(err)
	}
	uid, gid := os.Getuid(), os.Getgid()
	if able {
		nobody, err := lookupUser("nobody")
		if err != nil {
			t.Fatal(err)
		}
		uid, gid = nobody.uid, nobody.gid
	}
	ids := func(n int) string { return fmt.Sprintf("%d %[1]d %[1]d %[1]d", n) }
	want := map[string]string{"Uid": ids(uid), "Gid": ids(gid), "NoNewPrivs": "1"}
	if uid != 0 { // root that can't change ids keeps what it has
		for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapAmb"} {
			want[set] = "0000000000000000"
		}
	}
	if able {
		want["Groups"] = ""
	}
	if !raceEnabled {
		want["Seccomp"] = "2" // filtered
		limits, _, err := get(t, s, "limits")
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{
			`Max file size +0 +0 `, `Max core file size +0 +0 `, `Max open files +256 +256 `, `Max address space +4294967296 +4294967296 `,
		} {
			if !regexp.MustCompile(line).Match(limits) {
				t.Errorf("no %q in a worker's limits:\n%s", line, limits)
			}
		}
	}
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.Join(strings.Fields(value), " ")
		if expected, ok := want[key]; ok && value != expected {
			t.Errorf("a worker has %s %q, want %q", key, value, expected)
		}
	}
}

func TestWorkersInheritNothingFromTheSupervisorsParent(t *testing.T) {
	t.Parallel()
	leaked := peerSocket(t, "127.0.0.1:0")
	file, err := leaked.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := startServer(t, spec{MinIdle: 1, ReadPaths: []string{"/proc"}}, slices.Repeat([]*os.File{file}, 9)...)
	open, _, err := get(t, s, "descriptors")
	if want := "0\n1\n2"; err != nil || string(open) != want {
		t.Errorf("a worker has inherited %q (%v), want %q: all others are close-on-exec", open, err, want)
	}
}

func TestWhatAWorkerSaysIsLogged(t *testing.T) {
	t.Parallel()
	s := startServer(t, spec{MinIdle: 1})
	if _, _, err := get(t, s, "say"); err != nil {
		t.Fatal(err)
	}
	s.tell("drain")
	s.end()
	log := s.said()
	for _, want := range []string{`line="to stdout"`, `line="to stderr"`, "file=say"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q", want)
		}
	}
}

func TestWithoutIdleWorkersEachRequestStartsOne(t *testing.T) {
	t.Parallel()
	s := startServer(t, spec{MinIdle: -1})
	for range 3 {
		if b, _, err := get(t, s, "bytes/10"); err != nil || len(b) != 10 {
			t.Errorf("got %d bytes, %v, want 10", len(b), err)
		}
	}
	s.tell("drain")
	if _, last, failed := s.end(); failed != "" || last.Completed != 3 || last.WorkersStarted != 3 {
		t.Errorf("Run returned %q, counting %+v; want 3 sessions and 3 workers", failed, last)
	}
}

func TestRunCanBeCalledOnce(t *testing.T) {
	t.Parallel()
	s := new(Supervisor)
	s.ran.Store(true)
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "before") {
		t.Errorf("a second Run returned %v", err)
	}
}

func TestNewBindsAndSaysWhere(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Listen: []string{":0", "127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	addrs := s.Addrs()
	if len(addrs) != 3 || addrs[0].Port() == 0 || addrs[0].Port() != addrs[1].Port() ||
		addrs[0].Addr() != netip.IPv4Unspecified() || addrs[1].Addr() != netip.IPv6Unspecified() || addrs[2].Port() == 0 {
		t.Errorf("bound to %v, want one port of both families and one of 127.0.0.1", addrs)
	}
	if _, err := New(Options{Listen: []string{addrs[2].String()}}); err == nil || !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("a second server on %v: %v, want %v", addrs[2], err, unix.EADDRINUSE)
	}
}

func TestAFailedNewLeavesNothingOpen(t *testing.T) {
	taken := mustListen(t, "127.0.0.1:0")
	before := descriptors()
	for _, o := range []Options{
		{Listen: []string{"127.0.0.1:0", "[::1]:0", taken.addr.String()}},
		{Listen: []string{"nonsense"}},
		{Listen: []string{"127.0.0.1:0"}, User: "no-such-account"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("New(%+v) worked", o)
		}
	}
	if after := descriptors(); !slices.Equal(before, after) {
		t.Errorf("open before:\n%v\nand after:\n%v", before, after)
	}
}

func TestCloseFreesASupervisorThatNeverRan(t *testing.T) {
	t.Parallel()
	sup, err := New(Options{Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	addr := sup.Addrs()[0]
	sup.Close()
	l, err := listen(addr, false)
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	defer unix.Close(l.fd)
	sup.Close()
	sup.Hurry()
	if err := sup.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "Close was called") {
		t.Errorf("Run after Close: %v, want it refused", err)
	}
}
