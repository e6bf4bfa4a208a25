package faults

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"brood/test/harness"
	"brood/worker/workertest"
)

// What a server holds is the same after ten times as many sessions.
func TestNothingGrowsInALongRun(t *testing.T) {
	longRun(t, scale(100, 2000), "1")
}

func TestNothingGrowsInALongRunOfUsedWorkers(t *testing.T) {
	longRun(t, scale(200, 18_000), "1000")
}

func longRun(t *testing.T, sessions int, perWorker string) {
	t.Helper()
	rounds := scale(3, 10)
	tree := harness.NewTree(t)
	want := tree.File("f", 1000)
	s := harness.Serve(t, "--root", tree.Dir, "--min-idle", "4", "--max-idle", "4", "--stats-interval", "100ms", "--log-level", "info",
		"--sessions-per-worker", perWorker)
	s.Forget("session")
	var first, last measure
	var figures []string
	for round := range rounds {
		soak(t, s.Addr, sessions, want)
		if !harness.Eventually(func() bool {
			last = take(s)
			// A start holds more for a moment, also one whose process is there already.
			return last.completed >= (round+1)*sessions && last.active == 0 && last.idle == 4 && last.open["pidfd"] == 4
		}) {
			t.Fatalf("round %d: %+v, want nobody served and 4 idle", round, last)
		}
		figures = append(figures, fmt.Sprintf("%.1f", float64(last.pss)/1024))
		// In the first rounds heaps find their size.
		if round == rounds/4 {
			first = last
		}
	}
	if !maps.Equal(first.open, last.open) {
		t.Errorf("descriptors: %v after %d rounds, %v after %d", first.open, rounds/4+1, last.open, rounds)
	}
	if grown := last.pss - first.pss; grown > first.pss/4 {
		t.Errorf("%d KB after %d rounds and %d KB after %d: it grows", first.pss, rounds/4+1, last.pss, rounds)
	}
	c := s.Counters()
	if n := rounds * sessions; c.Int("completed") < n || c.Int("crashed") != 0 || c.Int("active") != 0 || c.Int("waiting") != 0 {
		t.Errorf("counters %v, want %d completed", c, n)
	}
	open := 0
	for _, n := range last.open {
		open += n
	}
	rows.add(row{
		"nothing", fmt.Sprintf("%d sessions, %s a process", rounds*sessions, perWorker), "all served",
		fmt.Sprintf("PSS of supervisor and 4 idle workers, MB, after each round: %s; %d descriptors; no session, no request left in a table", strings.Join(figures, " "), open),
	})
}

// measure is what a server holds.
type measure struct {
	pss          int // of all its processes, KB
	open         map[string]int
	completed    int
	active, idle int // as the server says; active: with who waits and what starts
}

func take(s *harness.Server) measure {
	lines := s.WaitN(1, "stats", nil)
	stats := lines[len(lines)-1] // older than what is looked at now
	m := measure{completed: stats.Int("completed"), idle: stats.Int("idle"), open: harness.Holds(s.PID)}
	m.active = stats.Int("active") + stats.Int("waiting") + stats.Int("starting")
	for _, pid := range append(harness.Children(s.PID), s.PID) {
		m.pss += pss(pid)
	}
	return m
}

// pss is a process's memory in KB, with what it shares divided by those who share.
func pss(pid int) int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "Pss:"); ok {
			kb, _ := strconv.Atoi(strings.Fields(v)[0])
			return kb
		}
	}
	return 0
}

// soak has so many sessions served, to clients of 250 addresses.
func soak(t *testing.T, server netip.AddrPort, sessions int, want []byte) {
	t.Helper()
	const clients = 16
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			var got bytes.Buffer
			for n := i; n < sessions; n += clients {
				conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 4, 0, byte(1+n%250))})
				if err != nil {
					t.Error(err)
					return
				}
				client := workertest.Client{Retries: 15}
				got.Reset()
				if _, err := client.GetFrom(t.Context(), conn, server, "f", &got); err != nil || !bytes.Equal(got.Bytes(), want) {
					t.Errorf("session %d: %d bytes, %v", n, got.Len(), err)
				}
				conn.Close()
			}
		})
	}
	wg.Wait()
}
