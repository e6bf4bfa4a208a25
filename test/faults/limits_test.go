package faults

import (
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"sync"
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

func serveCommand(t *testing.T, tree *harness.Tree, flags ...string) []string {
	return append([]string{
		harness.Brood(t), "serve", "--root", tree.Dir, "--listen", "127.0.0.1:0", "--log-format", "json", "--stats-interval", "1s",
	}, flags...)
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

// The kernel ends whoever has most: the session that takes it all.
func TestRunningOutOfMemoryCostsWhoeverTakesIt(t *testing.T) {
	t.Parallel()
	s := serveMisbehaving(t)
	harness.LimitMemory(t, s.PID, 256<<20)
	var wg sync.WaitGroup
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
				if _, err := client.Get(t.Context(), s.Addr, "small", io.Discard); err != nil {
					t.Errorf("another one beside it: %v", err)
				}
			}
		})
	}
	wg.Wait()
	killed := lines(s, "session", "crashed")
	for _, l := range killed {
		if l.String("detail") == "" || l.String("file")[:3] != "hog" {
			t.Errorf("logged %v, want only those that take memory to crash", l)
		}
	}
	if len(killed) == 0 {
		t.Error("nobody was ended: the limit was never reached")
	}
	rows.add(row{
		"no memory", fmt.Sprintf("a control group of 256 MB, %d sessions whose handler takes memory without end, %d others beside them", hogs, hogs*scale(20, 100)),
		"theirs get ERROR; the others are served", fmt.Sprintf("crashed %d: %s", len(killed), killed[0].String("detail")),
	})
}
