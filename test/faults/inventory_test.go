package faults

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"brood/test/harness"
	"brood/worker/workertest"
)

// Every client gets the old document or the new one, whole, and never the old one
// after a new one was in force.
func TestTheInventoryChangesInAStorm(t *testing.T) {
	t.Parallel()
	clients, changes := scale(20, 200), scale(10, 100)
	harness.Broodctl(t) // beside brood
	tree := harness.NewTree(t)
	tree.Write("templates/boot.tmpl", []byte("{{range .lines}}{{.}} of {{$.revision}}\n{{end}}end\n"))
	tree.Write("brood.yaml", []byte(`content:
  machines:
    render: {templates: templates, inventory: inventory.yaml, documents: [{file: "boot/{name}", template: boot.tmpl}]}
`))
	say := func(revision int) {
		var b strings.Builder
		fmt.Fprintf(&b, "defaults: {revision: %d, lines: [", revision)
		for i := range 200 {
			fmt.Fprintf(&b, "line %d of %d, ", i, revision)
		}
		b.WriteString("]}\nmachines:\n")
		for i := range clients {
			fmt.Fprintf(&b, "  - {name: m%d}\n", i)
		}
		tree.Write("inventory.new", []byte(b.String()))
		if err := os.Rename(filepath.Join(tree.Dir, "inventory.new"), filepath.Join(tree.Dir, "inventory.yaml")); err != nil {
			t.Fatal(err)
		}
	}
	say(0)
	s := harness.Serve(t, append([]string{"--config", filepath.Join(tree.Dir, "brood.yaml")}, stormFlags...)...)

	var served, inForce atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			client := workertest.Client{Retries: 15}
			for !stop.Load() {
				atLeast := inForce.Load()
				var got bytes.Buffer
				_, err := client.Get(t.Context(), s.Addr, fmt.Sprintf("boot/m%d", i), &got)
				if revision, whole := revisionOf(got.String()); err != nil || !whole || int64(revision) < atLeast {
					t.Errorf("revision %d was in force; %v, %d bytes, revision %d, whole %v", atLeast, err, got.Len(), revision, whole)
					return
				}
				served.Add(1)
			}
		})
	}
	begin := time.Now()
	for n := range changes {
		before := served.Load()
		say(n + 1)
		s.Signal(syscall.SIGHUP)
		s.WaitN(n+1, "reloaded: sessions that begin from now on are served by the new configuration", nil)
		inForce.Store(int64(n + 1))
		if !harness.Eventually(func() bool { return t.Failed() || served.Load() >= before+5 }) {
			t.Fatalf("after change %d nobody is served", n+1)
		}
	}
	took := time.Since(begin).Round(time.Second)
	stop.Store(true)
	wg.Wait()
	if c := s.Counters(); c.Int("crashed") > 0 || c.Int("failed")+c.Int("missing") > 0 {
		t.Errorf("counters %v", c)
	}
	rows.add(row{
		"the inventory changes", fmt.Sprintf("%d times within %v, each with a reload", changes, took),
		fmt.Sprintf("%d clients: %d documents, each of one revision, none older than what was in force", clients, served.Load()), "reloaded, each time",
	})
}

// revisionOf says which revision of the inventory a document is made of, and whether
// all of it is.
func revisionOf(document string) (revision int, whole bool) {
	lines := strings.Split(document, "\n")
	if len(lines) != 202 || lines[200] != "end" {
		return -1, false
	}
	for i, line := range lines[:200] {
		var number, of, again int
		if n, err := fmt.Sscanf(line, "line %d of %d of %d", &number, &of, &again); n != 3 || err != nil || number != i || of != again || i > 0 && of != revision {
			return -1, false
		}
		revision = of
	}
	return revision, true
}
