package faults

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

// heldSessions are sessions that are all under way at once: each client has its first
// block, and acknowledges it when it is let go.
type heldSessions struct {
	s      *harness.Server
	n      int
	served chan *harness.Peer
}

// hold asks for n sessions and goes on asking.
func hold(t *testing.T, s *harness.Server, n int) *heldSessions {
	h := &heldSessions{s: s, n: n, served: make(chan *harness.Peer, n)}
	for range n {
		peer := harness.NewPeer(t, "127.0.0.1")
		go func() {
			// A worker that is up may want for something, too; then its client is told,
			// and asks again.
			for {
				if b := peer.Ask(s.Addr, harness.RRQ("f")); b == nil || b[1] == byte(protocol.OpDATA) {
					break
				}
			}
			h.served <- peer
		}()
	}
	return h
}

func (h *heldSessions) release() {
	for range h.n {
		(<-h.served).Ack(1)
	}
	h.s.WaitN(h.n, "session", func(l harness.Line) bool { return l.String("outcome") == "complete" })
}

func serveArgs(tree *harness.Tree, flags ...string) []string {
	return append([]string{
		"serve", "--root", tree.Dir, "--listen", "127.0.0.1:0", "--log-format", "json", "--stats-interval", "1s",
	}, flags...)
}

func serveCommand(t *testing.T, tree *harness.Tree, flags ...string) []string {
	return append([]string{harness.Brood(t)}, serveArgs(tree, flags...)...)
}

func TestRunningOutOfDescriptorsMakesRequestsWait(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 10)
	// A session takes five descriptors: of these, only some can run at once.
	args := append([]string{"-c", `ulimit -n 40 && exec "$0" "$@"`}, serveCommand(t, tree, "--min-idle", "2")...)
	s := harness.Start(t, exec.Command("sh", args...))
	sessions := hold(t, s, 20)
	failed := s.Wait("a worker did not start", nil)
	cpu := harness.CPU(s.PID)
	sessions.release()
	if spent := harness.CPU(s.PID) - cpu; spent > 300 {
		t.Errorf("waiting for descriptors took %d ticks of CPU: it spins", spent)
	}
	once(t, s, "a worker did not start")
	c := s.Counters()
	if c.Int("worker-failures") == 0 {
		t.Errorf("counters %v, want the failures counted", c)
	}
	rows.add(row{
		"no descriptors", "ulimit -n 40, 20 sessions at once", "all served, by turns",
		fmt.Sprintf("%q: %s; worker-failures %d", failed.Message(), failed.String("error"), c.Int("worker-failures")),
	})
}

// once fails the test if a lasting state is logged more than once a second.
func once(t *testing.T, s *harness.Server, message string) {
	t.Helper()
	if logged, seconds := len(s.WaitN(1, message, nil)), len(s.WaitN(1, "stats", nil)); logged > 2*(seconds+2) {
		t.Errorf("%q was logged %d times in %d s", message, logged, seconds)
	}
}

func TestRunningOutOfProcessesMakesRequestsWait(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t) // or the limit would be shared with everything else of this user
	tree := harness.NewTree(t)
	tree.File("f", 10)
	// Ids that nothing else has: the limit counts all threads of one.
	cmd := exec.Command("prlimit", append([]string{"--nproc=24"}, serveCommand(t, tree, "--min-idle", "4", "--user", "64124")...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: 64123, Gid: 64123},
		AmbientCaps: []uintptr{unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_KILL},
	}
	s := harness.Start(t, cmd)
	const clients = 40
	sessions := hold(t, s, clients)
	failed := s.Wait("a worker did not start", nil)
	sessions.release()
	once(t, s, "a worker did not start")
	c := s.Counters()
	if c.Int("refused-stale") > 0 || c.Int("worker-failures") > 4*clients {
		t.Errorf("counters %v, want nobody to wait in vain, and a bounded number of starts", c)
	}
	rows.add(row{
		"no processes", "prlimit --nproc=24, 40 sessions at once", "all served, by turns",
		fmt.Sprintf("%q: %s; worker-failures %d", failed.Message(), failed.String("error"), c.Int("worker-failures")),
	})
}

// The kernel ends whoever has most: the session that takes it all. While what that one had is
// not free yet it may be another session besides, and never the supervisor.
func TestRunningOutOfMemoryCostsWhoeverTakesIt(t *testing.T) {
	t.Parallel()
	cmd, _ := harness.WithinMemory(t, 256<<20, misbehaving(t))
	s := harness.Start(t, cmd)
	var wg sync.WaitGroup
	var beside atomic.Int64
	hogs := scale(2, 6)
	for i := range hogs {
		wg.Go(func() {
			client := workertest.Client{Local: netip.AddrFrom4([4]byte{127, 2, 0, byte(1 + i)}), Retries: 20}
			if _, err := client.Get(t.Context(), s.Addr, fmt.Sprint("hog ", i), io.Discard); err == nil {
				t.Error("a session that takes memory without end was served")
			}
		})
		wg.Go(func() {
			client := workertest.Client{Local: netip.AddrFrom4([4]byte{127, 3, 0, byte(1 + i)}), Retries: 20}
			for range scale(20, 100) {
				_, err := client.Get(t.Context(), s.Addr, "small", io.Discard)
				if remote := (*protocol.Error)(nil); errors.As(err, &remote) {
					beside.Add(1)
				} else if err != nil {
					t.Errorf("another one beside it: %v", err)
				}
			}
		})
	}
	wg.Wait()
	c := s.Counters() // the last line of the log
	killed := lines(s, "session", "crashed")
	others := 0
	for _, l := range killed {
		if !strings.HasPrefix(l.String("file"), "hog") {
			others++
		}
		if !strings.Contains(l.String("detail"), "killed by SIGKILL for want of memory") {
			t.Errorf("logged %v, want to be told who ended it", l)
		}
	}
	if len(killed)-others == 0 || c.Int("crashed") != len(killed) {
		t.Fatalf("%d crashed, and %v; want those that take memory to be ended", len(killed), c)
	}
	// One that had its file may have been ended before its ACK was read.
	if told := int(beside.Load()); told > others || others > hogs {
		t.Errorf("%d others crashed, and %d were told; want at most one for each of %d that took memory", others, told, hogs)
	}
	rows.add(row{
		"no memory", fmt.Sprintf("a control group of 256 MB, %d sessions whose handler takes memory without end, %d others beside them", hogs, hogs*scale(20, 100)),
		"theirs get ERROR; the others are served, or for each of theirs one gets ERROR", fmt.Sprintf("crashed %d, %d of the others: %s", len(killed), others, killed[0].String("detail")),
	})
}

// Where workers that are as they should be use up the memory together, the supervisor is the
// largest process that there is; it is not the one that goes.
func TestRunningOutOfMemoryByManyCostsWorkersAlone(t *testing.T) {
	t.Parallel()
	if harness.Race() {
		return // the detector takes more than that
	}
	tree := harness.NewTree(t)
	want := tree.File("f", 10)
	const clients = 80
	bounded, more := harness.WithinMemory(t, 20<<20, harness.Command(t, serveArgs(tree,
		"--max-sessions", fmt.Sprint(2*clients), "--penalties", "off", "--retries", "1", "--min-idle", "4")...))
	s := harness.Start(t, bounded)
	get := func() error {
		_, err := (&workertest.Client{Retries: 20}).Get(t.Context(), s.Addr, "f", io.Discard)
		return err
	}
	if err := get(); err != nil { // strangers would be answered by turns
		t.Fatal(err)
	}
	answers, enough := make(chan []byte, clients), make(chan struct{})
	for range clients {
		peer := harness.NewPeer(t, "127.0.0.1")
		go func() {
			b := peer.Ask(s.Addr, harness.RRQ("f"))
			<-enough
			if b != nil {
				peer.Ack(1)
			}
			answers <- b
		}()
	}
	// So many of one request, had it been that one's fault, and nobody would be served any more.
	died := s.WaitN(8, "session", func(l harness.Line) bool { return l.String("outcome") == "crashed" })[0]
	more(1 << 30)
	close(enough)
	served, told := 0, 0
	for range clients {
		switch b := <-answers; {
		case b == nil:
		case protocol.Opcode(b[1]) == protocol.OpERROR:
			told++
		case string(b) == string(protocol.Data{Block: 1, Payload: want}.Append(nil)):
			served++
		default:
			t.Errorf("%q comes, which is neither an ERROR nor all of the file", b)
		}
	}
	if served == 0 || served+told < clients {
		t.Errorf("of %d clients %d were served and %d told by ERROR", clients, served, told)
	}
	worker := harness.IdleWorker(s.PID)
	if worker == 0 {
		t.Fatal("no worker is idle when there is memory again")
	}
	if !harness.Eventually(func() bool { return harness.OOMScore(t, worker) > harness.OOMScore(t, s.PID) }) {
		t.Errorf("a worker counts for %d more than it has, the supervisor for %d", harness.OOMScore(t, worker), harness.OOMScore(t, s.PID))
	}
	if err := get(); err != nil {
		t.Errorf("when there is memory again: %v", err)
	}
	c := s.Counters()
	if killed := lines(s, "session", "crashed"); c.Int("crashed") != len(killed) || !strings.Contains(died.String("detail"), "SIGKILL for want of memory") || c.Int("refused-failing") > 0 {
		t.Errorf("%d are counted and %d logged, the first as %q; %d were refused as failing", c.Int("crashed"), len(killed), died.String("detail"), c.Int("refused-failing"))
	}
	rows.add(row{
		"no memory for so many", fmt.Sprintf("a control group of 20 MB, %d sessions at once", clients),
		fmt.Sprintf("%d are served, %d get ERROR", served, told), fmt.Sprintf("crashed %d: %s", c.Int("crashed"), died.String("detail")),
	})
}
