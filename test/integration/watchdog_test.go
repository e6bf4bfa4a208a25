package integration

import (
	"io"
	"strings"
	"syscall"
	"testing"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

func TestASourceThatStallsEndsItsSession(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, command(t, "impatient"))
	for _, tt := range []struct{ file, detail string }{
		{"late-hang", "the supervisor ended the session"}, // the session waits beside its source, and says so itself
		{"late-at-hang", "SIGKILL"},                       // it waits in its source, and ignores SIGTERM
	} {
		client := workertest.Client{Timeout: longTimeout}
		if _, err := client.Get(t.Context(), s.Addr, tt.file, io.Discard); err == nil || !strings.Contains(err.Error(), "Server ended the session") {
			t.Errorf("the client of %s got %v, want an ERROR that says who ended it", tt.file, err)
		}
		if l := s.Session(tt.file); l.String("outcome") != "stalled" || !strings.Contains(l.String("detail"), tt.detail) {
			t.Errorf("logged %v, want it stalled, with %q", l, tt.detail)
		}
	}
	if c := s.Counters(); c.Int("expired") != 2 || c.Int("crashed") != 0 {
		t.Errorf("counters %v, want 2 expired", c)
	}
}

func TestASessionThatTakesTooLongIsEnded(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	s := harness.Serve(t, "--root", tree.Dir, "--max-session-time", "1s", "--stall-timeout", "0")
	client := workertest.Client{Timeout: longTimeout}
	if _, err := client.Get(t.Context(), s.Addr, "f", io.Discard); err != nil {
		t.Errorf("a quick one: %v", err)
	}
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(s.Addr, harness.RRQ("f"))
	peer.Data(1) // and not a word more
	if l := s.Wait("session", func(l harness.Line) bool { return l.String("outcome") == "overdue" }); l.Int("bytes") != 0 {
		t.Errorf("logged %v, want nothing acknowledged", l)
	}
	if c := s.Counters(); c.Int("expired") != 1 || c.Int("completed") != 1 {
		t.Errorf("counters %v, want 1 expired and 1 completed", c)
	}
}

func TestAWorkerThatHangsInTheKernelCostsItsPlaceOnly(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	s := harness.Serve(t, "--root", tree.Dir, "--stall-timeout", "2s", "--min-idle", "0")
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(s.Addr, harness.RRQ("f"))
	peer.Data(1)
	workers := harness.Children(s.PID)
	if len(workers) != 1 {
		t.Fatalf("%d workers for one session", len(workers))
	}
	thaw := harness.Freeze(t, workers[0])
	s.Wait("a worker does not die of SIGKILL", nil)
	peer.Error(protocol.CodeUndefined)
	if l := s.Session("f"); l.String("outcome") != "stalled" || !strings.Contains(l.String("detail"), "does not die") {
		t.Errorf("logged %v, want it stalled, and why", l)
	}
	client := workertest.Client{Timeout: longTimeout}
	if _, err := client.Get(t.Context(), s.Addr, "f", io.Discard); err != nil {
		t.Errorf("another client meanwhile: %v", err)
	}
	s.Signal(syscall.SIGTERM)
	if code := s.Exit(); code != 0 {
		t.Errorf("the server ended with %d", code)
	}
	thaw()
	if !harness.Eventually(func() bool { return harness.Status(workers[0], "State") == "" }) {
		t.Error("the worker outlives its thaw")
	}
}
