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

func TestSIGTERMLetsSessionsFinishAndTakesNoMore(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	s := harness.Serve(t, "--root", tree.Dir)
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(s.Addr, harness.RRQ("f"))
	peer.Data(1)
	s.Signal(syscall.SIGTERM)
	s.Wait("draining", nil)
	late := harness.NewPeer(t, "127.0.0.1")
	late.Send(s.Addr, harness.RRQ("f"))
	for block := uint16(1); block <= 3; block++ {
		peer.Ack(block)
		if block < 3 {
			peer.Data(block + 1)
		}
	}
	if code := s.Exit(); code != 0 {
		t.Errorf("the server ended with %d", code)
	}
	if l := s.Session("f"); l.String("outcome") != "complete" {
		t.Errorf("logged %v, want complete", l)
	}
	if n := len(s.WaitN(1, "session", nil)); n != 1 {
		t.Errorf("%d sessions: one began while draining", n)
	}
}

func TestASecondSignalEndsWhatIsLeft(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	s := harness.Serve(t, "--root", tree.Dir, "--timeout", "60s")
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(s.Addr, harness.RRQ("f"))
	peer.Data(1)
	workers := harness.Children(s.PID)
	s.Signal(syscall.SIGINT)
	s.Wait("draining", nil)
	s.Signal(syscall.SIGINT)
	e := peer.Error(protocol.CodeUndefined)
	if !strings.Contains(e.Message, "ended") {
		t.Errorf("the client was told %q", e.Message)
	}
	if code := s.Exit(); code != 0 {
		t.Errorf("the server ended with %d", code)
	}
	if l := s.Session("f"); l.String("outcome") != "drained" {
		t.Errorf("logged %v, want drained", l)
	}
	still := 0
	for _, l := range s.Log() {
		if l.Message() == "still draining" {
			still++
		}
	}
	if still > 3 { // one each 5 s of 30
		t.Errorf("it said %d times that it is still draining: it has waited to the end", still)
	}
	for _, pid := range workers {
		if state := harness.Status(pid, "State"); state != "" {
			t.Errorf("worker %d is left behind, %s", pid, state)
		}
	}
}

func TestAWorkerThatIgnoresTheDrainIsKilled(t *testing.T) {
	t.Parallel()
	s := startMisbehaving(t)
	ended := make(chan error)
	go func() {
		client := workertest.Client{Timeout: longTimeout}
		_, err := client.Get(t.Context(), s.Addr, "late-at-hang", io.Discard)
		ended <- err
	}()
	s.Wait("a worker says", nil)
	s.Signal(syscall.SIGTERM)
	s.Wait("draining", nil)
	s.Signal(syscall.SIGTERM)
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "shutting down") {
		t.Errorf("the client got %v, want an ERROR that speaks of shutting down", err)
	}
	if code := s.Exit(); code != 0 {
		t.Errorf("the server ended with %d", code)
	}
	if l := s.Session("late-at-hang"); l.String("outcome") != "drained" || !strings.Contains(l.String("detail"), "SIGKILL") {
		t.Errorf("logged %v, want drained, by SIGKILL", l)
	}
}

// A source that hangs keeps neither its client nor its worker.
func TestASessionWhoseSourceHangsDrains(t *testing.T) {
	t.Parallel()
	s := startMisbehaving(t)
	ended := make(chan error)
	go func() {
		client := workertest.Client{Timeout: longTimeout}
		_, err := client.Get(t.Context(), s.Addr, "late-hang", io.Discard)
		ended <- err
	}()
	s.Wait("a worker says", nil)
	s.Signal(syscall.SIGTERM)
	s.Wait("draining", nil)
	s.Signal(syscall.SIGTERM)
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "Server ended the session") {
		t.Errorf("the client got %v, want an ERROR by the session itself", err)
	}
	if code := s.Exit(); code != 0 {
		t.Errorf("the server ended with %d", code)
	}
	if l := s.Session("late-hang"); l.String("outcome") != "drained" || strings.Contains(l.String("detail"), "SIG") {
		t.Errorf("logged %v, want drained, without a signal", l)
	}
}

func TestSessionsOutliveAKilledSupervisor(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	want := tree.File("f", 1500)
	s := harness.Serve(t, "--root", tree.Dir)
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(s.Addr, harness.RRQ("f"))
	got := append([]byte(nil), peer.Data(1)...)
	workers := harness.Children(s.PID)
	s.Kill()
	// The next one starts at once, on the same port, and serves beside them.
	next := harness.Serve(t, "--root", tree.Dir, "--listen", s.Addr.String())
	client := workertest.Client{Timeout: longTimeout}
	if _, err := client.Get(t.Context(), next.Addr, "f", io.Discard); err != nil {
		t.Errorf("the next supervisor: %v", err)
	}
	for block := uint16(1); block <= 3; block++ {
		peer.Ack(block)
		if block < 3 {
			got = append(got, peer.Data(block+1)...)
		}
	}
	if string(got) != string(want) {
		t.Errorf("got %d bytes, want the file's %d", len(got), len(want))
	}
	for _, pid := range workers {
		gone := func() bool { return !strings.HasPrefix(harness.Title(pid), "brood: worker") }
		if !harness.Eventually(gone) {
			t.Errorf("worker %d, %q, is left behind", pid, harness.Title(pid))
		}
	}
}
