package integration

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"sync"
	"testing"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

// pids counts sessions by the worker that served them.
func pids(lines []harness.Line) map[int]int {
	all := map[int]int{}
	for _, l := range lines {
		all[l.Int("worker")]++
	}
	return all
}

func fetch(t *testing.T, s *harness.Server, file string) ([]byte, error) {
	t.Helper()
	var got bytes.Buffer
	client := workertest.Client{Timeout: longTimeout}
	_, err := client.Get(t.Context(), s.Addr, file, &got)
	return got.Bytes(), err
}

func TestAWorkerServesSoManySessionsAndNoMore(t *testing.T) {
	t.Parallel()
	const sessions, each = 31, 5
	tree := harness.NewTree(t)
	content := tree.File("f", 3000)
	s := harness.Serve(t, "--root", tree.Dir, "--min-idle", "1", "--max-idle", "1", "--sessions-per-worker", fmt.Sprint(each))
	for i := range sessions {
		if got, err := fetch(t, s, "f"); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("session %d: %d bytes, %v", i+1, len(got), err)
		}
		s.WaitN(i+1, "session", nil)
	}
	served := pids(s.WaitN(sessions, "session", nil))
	most := 0
	for pid, n := range served {
		most = max(most, n)
		if n > each {
			t.Errorf("worker %d served %d sessions, want at most %d", pid, n, each)
		}
	}
	if most < 2 {
		t.Errorf("sessions by worker: %v, want some to have served more than one", served)
	}
	if c := s.Counters(); c.Int("completed") != sessions || c.Int("worker-failures") != 0 {
		t.Errorf("counters %v, want %d completed and no failure", c, sessions)
	}
}

// A worker may have fewer descriptors than its sandbox leaves it, and the kernel then
// refuses to look at as many.
func TestAWorkerWithFewDescriptorsIsUsedAgain(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 10)
	s := harness.Start(t, exec.Command("prlimit", "--nofile=100:100", harness.Brood(t), "serve", "--root", tree.Dir, "--listen", "127.0.0.1:0",
		"--log-format", "json", "--sandbox", "off", "--max-sessions", "4", "--min-idle", "1", "--max-idle", "1", "--sessions-per-worker", "100"))
	const sessions = 10
	for i := range sessions {
		if _, err := fetch(t, s, "f"); err != nil {
			t.Fatal(err)
		}
		s.WaitN(i+1, "session", nil)
	}
	served := pids(s.WaitN(sessions, "session", nil))
	if c := s.Counters(); len(served) == sessions || c.Int("completed") != sessions || c.Int("worker-failures") != 0 {
		t.Errorf("sessions by worker: %v, counters %v; want workers that are used again, and no failure", served, c)
	}
}

func TestByDefaultAWorkerServesOneSession(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 10)
	s := harness.Serve(t, "--root", tree.Dir)
	for i := range 10 {
		if _, err := fetch(t, s, "f"); err != nil {
			t.Fatal(err)
		}
		s.WaitN(i+1, "session", nil)
	}
	if served := pids(s.WaitN(10, "session", nil)); len(served) != 10 {
		t.Errorf("sessions by worker: %v, want 10 workers", served)
	}
}

// TestAUsedWorkerHoldsWhatAFreshOneDoes, seen from outside: descriptors, threads'
// number aside, title, environment and directory.
func TestAUsedWorkerHoldsWhatAFreshOneDoes(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 100_000)
	s := harness.Serve(t, "--root", tree.Dir, "--min-idle", "1", "--max-idle", "1", "--sessions-per-worker", "10000")
	alone := func() bool { return len(harness.Children(s.PID)) == 1 }
	if !harness.Eventually(alone) {
		t.Fatal("there is not one worker")
	}
	fresh := harness.Holds(harness.Children(s.PID)[0])
	for i := range 20 {
		if _, err := fetch(t, s, []string{"f", "missing"}[i%2]); (err != nil) != (i%2 == 1) {
			t.Fatalf("session %d: %v", i+1, err)
		}
		s.WaitN(i+1, "session", nil)
	}
	served := pids(s.WaitN(20, "session", nil))
	same := func() bool {
		children := harness.Children(s.PID)
		return len(children) == 1 && served[children[0]] > 1 &&
			harness.Title(children[0]) == "brood: worker (idle)" && maps.Equal(harness.Holds(children[0]), fresh)
	}
	if !harness.Eventually(same) {
		for _, pid := range harness.Children(s.PID) {
			t.Errorf("%q after %d sessions has %v open, a fresh one %v", harness.Title(pid), served[pid], harness.Holds(pid), fresh)
		}
	}
}

func TestManyClientsShareWorkers(t *testing.T) {
	t.Parallel()
	const clients, each = 16, 50
	tree := harness.NewTree(t)
	content := tree.File("f", 5000)
	s := harness.Serve(t, "--root", tree.Dir, "--min-idle", "2", "--sessions-per-worker", "100")
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range each {
				var got bytes.Buffer
				client := workertest.Client{Options: []protocol.Option{{Name: "blksize", Value: "1428"}}, Retries: 10}
				if _, err := client.Get(t.Context(), s.Addr, "f", &got); err != nil || !bytes.Equal(got.Bytes(), content) {
					t.Errorf("%v, %d bytes", err, got.Len())
				}
			}
		})
	}
	wg.Wait()
	served := pids(s.WaitN(clients*each, "session", nil))
	c := s.Counters()
	if c.Int("completed") < clients*each || c.Int("crashed") != 0 || c.Int("worker-failures") != 0 {
		t.Errorf("counters %v, want %d completed and nothing else", c, clients*each)
	}
	if len(served) > clients*each/2 {
		t.Errorf("%d workers for %d sessions, want them shared", len(served), clients*each)
	}
}

// TestADrainWithUsedWorkersEnds, whatever they do at that moment: Serve's cleanup
// fails the test if it does not.
func TestADrainWithUsedWorkersEnds(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 5000)
	s := harness.Serve(t, "--root", tree.Dir, "--min-idle", "2", "--sessions-per-worker", "100")
	for range 5 {
		client := workertest.Client{}
		if _, err := client.Get(t.Context(), s.Addr, "f", io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	if c := s.Counters(); c.Int("completed") != 5 || c.Int("worker-failures") != 0 || c.Int("active") != 0 {
		t.Errorf("counters %v, want 5 completed", c)
	}
}
