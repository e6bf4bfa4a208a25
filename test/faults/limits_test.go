package faults

import (
	"bytes"
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
	cmd := harness.WithinMemory(t, 256<<20, misbehaving(t))
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
	again := func(i int) string { // from another address each time
		client := workertest.Client{Local: netip.AddrFrom4([4]byte{127, 5, 0, byte(1 + i)}), Retries: 20}
		_, err := client.Get(t.Context(), s.Addr, "hog again", io.Discard)
		return fmt.Sprint(err)
	}
	refused := 0
	for i := range 8 {
		if strings.Contains(again(i), "try again in") {
			refused++
		}
	}
	if refused == 0 {
		t.Error("what takes memory each time is tried each time")
	}
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
// largest process that there is; it is not the one that goes. Few sessions are lost until it
// knows how many have room, and the others wait.
func TestRunningOutOfMemoryByManyCostsWorkersAlone(t *testing.T) {
	t.Parallel()
	if harness.Race() {
		return // the detector takes more than that
	}
	tree := harness.NewTree(t)
	want := tree.File("f", 2<<20) // in lock-step: not over before the others begin
	const clients = 80
	cmd := harness.WithinMemory(t, 20<<20, harness.Command(t, serveArgs(tree, "--penalties", "off", "--min-idle", "4")...))
	s := harness.Start(t, cmd)
	var wg sync.WaitGroup
	var told atomic.Int64
	for i := range clients {
		wg.Go(func() {
			client := workertest.Client{Local: netip.AddrFrom4([4]byte{127, 4, 0, byte(1 + i)}), Retries: 60}
			var got bytes.Buffer
			_, err := client.Get(t.Context(), s.Addr, "f", &got)
			switch remote := (*protocol.Error)(nil); {
			case errors.As(err, &remote):
				told.Add(1)
			case err != nil || !bytes.Equal(got.Bytes(), want):
				t.Errorf("client %d: %d bytes, %v", i, got.Len(), err)
			}
		})
	}
	wg.Wait()
	worker := harness.IdleWorker(s.PID)
	if worker == 0 {
		t.Fatal("no worker is idle when all is over")
	}
	if !harness.Eventually(func() bool { return harness.OOMScore(t, worker) > harness.OOMScore(t, s.PID) }) {
		t.Errorf("a worker counts for %d more than it has, the supervisor for %d", harness.OOMScore(t, worker), harness.OOMScore(t, s.PID))
	}
	s.Wait("there is no memory for more workers: requests wait", nil)
	c := s.Counters()
	crashed := lines(s, "session", "crashed")
	for _, l := range crashed {
		if !strings.Contains(l.String("detail"), "killed by SIGKILL for want of memory") {
			t.Errorf("logged %v, want to be told for want of what it was ended", l)
		}
	}
	if len(crashed) != c.Int("crashed") || int(told.Load()) > len(crashed) || len(crashed) > clients/4 || c.Int("refused-failing") > 0 {
		t.Errorf("%d crashed, %d were told, %v; want few of %d, and no file held to be at fault", len(crashed), told.Load(), c, clients)
	}
	rows.add(row{
		"no memory for so many", fmt.Sprintf("a control group of 20 MB, %d clients at once", clients),
		fmt.Sprintf("%d get ERROR, the others their file", told.Load()), fmt.Sprintf("crashed %d, SIGKILL for want of memory", len(crashed)),
	})
}
