package integration

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

func TestAThousandClients(t *testing.T) {
	const clients, atOnce, size = 1000, 200, 100_000
	tree := harness.NewTree(t)
	content := make([][]byte, 10)
	for i := range content {
		content[i] = tree.File(fmt.Sprint("f", i), size)
	}
	s := harness.Serve(t, "--root", tree.Dir, "--min-idle", "4", "--max-idle", "4", "--stats-interval", "100ms")
	s.Wait("stats", func(l harness.Line) bool { return l.Int("idle") == 4 && l.Int("starting") == 0 }) // nothing is on its way
	before := harness.Holds(s.PID)

	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i := range clients {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			n := i % len(content)
			var got bytes.Buffer
			client := workertest.Client{Options: []protocol.Option{{Name: "blksize", Value: "1428"}}, Retries: 10}
			if _, err := client.Get(t.Context(), s.Addr, fmt.Sprint("f", n), &got); err != nil || !bytes.Equal(got.Bytes(), content[n]) {
				t.Errorf("client %d: %v, %d bytes", i, err, got.Len())
			}
		})
	}
	wg.Wait()

	s.WaitN(clients, "session", func(l harness.Line) bool { return strings.HasPrefix(l.String("file"), "f") })
	clean := func() bool {
		return len(harness.Children(s.PID)) == 4 && maps.Equal(harness.Holds(s.PID), before)
	}
	if !harness.Eventually(clean) {
		t.Errorf("afterwards %d children and %v open, want 4 and %v",
			len(harness.Children(s.PID)), harness.Holds(s.PID), before)
	}
	for _, pid := range harness.Children(s.PID) {
		if state := harness.Status(pid, "State"); strings.HasPrefix(state, "Z") {
			t.Errorf("child %d is a zombie", pid)
		}
	}
	c := s.Counters()
	// One record a session, also of a session that a client began twice because
	// the first answer was late.
	records := s.WaitN(clients, "session", nil)
	if c.Int("started") != len(records) || c.Int("completed") < clients || c.Int("crashed") != 0 || c.Int("reports-lost") != 0 {
		t.Errorf("counters %v, %d records, want %d completed", c, len(records), clients)
	}
}
