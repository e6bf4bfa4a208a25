package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

// bystanders is how many sessions are in flight beside each fault.
const bystanders = 20

func TestAHandlerThatFailsCostsItsOwnSessionOnly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file    string
		outcome string // in the log
		detail  string // part of it
		stack   string
		crashed int // counted as
		code    protocol.ErrorCode
	}{
		{file: "panic", outcome: "crashed", detail: "exit 2 (panic)", stack: "the handler broke", crashed: 1},
		{file: "late-panic", outcome: "crashed", detail: "exit 2 (panic)", stack: "the handler broke", crashed: 1},
		{file: "late-at-panic", outcome: "crashed", detail: "exit 2 (panic)", stack: "the handler broke", crashed: 1},
		{file: "loop", outcome: "open-timeout", detail: "1s"},
		{file: "exit", outcome: "crashed", detail: "exit 3", crashed: 1},
		{file: "exit-0", outcome: "crashed", detail: "exit 0", crashed: 1},
		{file: "late-exit", outcome: "crashed", detail: "exit 3", crashed: 1},
		{file: "kill", outcome: "crashed", detail: "SIGKILL", crashed: 1},
		{file: "late-kill", outcome: "crashed", detail: "SIGKILL", crashed: 1},
		{file: "garbage", outcome: "violated", detail: "malformed", crashed: 1},
		{file: "late-garbage", outcome: "violated", detail: "malformed", crashed: 1},
		{file: "flood", outcome: "violated", detail: "more frames", crashed: 1},
		{file: "forge", outcome: "violated", detail: "no session of its own", crashed: 1},
		{file: "late-forge", outcome: "violated", detail: "no session of its own", crashed: 1},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			s := startMisbehaving(t)
			flight := takeOff(t, s)

			client := workertest.Client{Timeout: longTimeout, Options: blocks1428}
			_, err := client.Get(t.Context(), s.Addr, tt.file, io.Discard)
			var e *protocol.Error
			if !errors.As(err, &e) || e.Code != tt.code {
				t.Errorf("the client of %q got %v, want ERROR %d", tt.file, err, tt.code)
			}
			line := s.Session(tt.file)
			if line.String("outcome") != tt.outcome || !strings.Contains(line.String("detail"), tt.detail) ||
				!strings.Contains(line.String("stack"), tt.stack) {
				t.Errorf("logged %v, want outcome %q, detail with %q, stack with %q", line, tt.outcome, tt.detail, tt.stack)
			}

			flight.land(t)
			if code := s.Stop(); code != 0 {
				t.Errorf("the server ended with %d", code)
			}
			c := last(s.WaitN(1, "stats", nil))
			if c.Int("completed") != bystanders || c.Int("crashed") != tt.crashed ||
				c.Int("started") != bystanders+1 || c.Int("active") != 0 {
				t.Errorf("counters %v, want %d completed, %d crashed of %d started", c, bystanders, tt.crashed, bystanders+1)
			}
			if n := len(s.WaitN(bystanders+1, "record", nil)); n != bystanders+1 {
				t.Errorf("%d session records, want %d", n, bystanders+1)
			}
		})
	}
}

func TestAWorkerThatClosesEverythingIsMissed(t *testing.T) {
	t.Parallel()
	s := startMisbehaving(t)
	flight := takeOff(t, s)
	// Without descriptors it can't tell of its end, and nobody sees it hang but
	// the deadline for Open: the worker ends by it, and the client is told.
	client := workertest.Client{Timeout: longTimeout}
	_, err := client.Get(t.Context(), s.Addr, "close-all", io.Discard)
	var e *protocol.Error
	if !errors.As(err, &e) {
		t.Errorf("the client got %v, want an ERROR", err)
	}
	if l := s.Session("close-all"); l.String("outcome") != "crashed" {
		t.Errorf("logged %v, want outcome crashed", l)
	}
	flight.land(t)
}

func TestWhatAWorkerPrintsIsLoggedWithItsSession(t *testing.T) {
	t.Parallel()
	s := startMisbehaving(t)
	client := workertest.Client{}
	client.Get(t.Context(), s.Addr, "talk", io.Discard)
	l := s.Wait("a worker says", nil)
	if l.String("line") != "a line for the log" || l.String("file") != "talk" || l.String("peer") == "" {
		t.Errorf("logged %v, want the line, the file and the peer", l)
	}
}

// What only looks like a runtime's last words is a line like any other, and what
// is too much is counted.
func TestNothingThatAWorkerPrintsIsLostInSilence(t *testing.T) {
	t.Parallel()
	s := startMisbehaving(t)
	client := workertest.Client{}
	client.Get(t.Context(), s.Addr, "talk-much", io.Discard)
	if l := s.Wait("a worker said more than is logged", nil); l.Int("lines") != 6 {
		t.Errorf("logged %v, want 6 lines of 70", l)
	}
	s.Wait("a worker says", func(l harness.Line) bool {
		return l.String("text") == "SIGNED image accepted\nand all is well"
	})
}

func TestAWorkerThatShoutsIsKilled(t *testing.T) {
	t.Parallel()
	s := startMisbehaving(t)
	flight := takeOff(t, s)
	client := workertest.Client{Timeout: longTimeout}
	if _, err := client.Get(t.Context(), s.Addr, "shout", io.Discard); err == nil {
		t.Error("a handler that never returns was served")
	}
	if l := s.Session("shout"); l.String("outcome") != "violated" || !strings.Contains(l.String("detail"), "output") {
		t.Errorf("logged %v, want violated by its output", l)
	}
	flight.land(t)
	if n := len(s.WaitN(1, "a worker says", nil)); n > 64 {
		t.Errorf("%d of its lines were logged, want 64 at most", n)
	}
}

func TestAConstructorThatRefusesEndsTheStart(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		"refuse": "the configuration is no good",
		"die":    "killed by SIGKILL",
	} {
		cmd := command(t, config)
		s := harness.Launch(t, cmd)
		if code := s.Exit(); code != 1 {
			t.Errorf("config %q: the server ended with %d, want 1", config, code)
		}
		if l := s.Wait("can't serve", nil); !strings.Contains(l.String("error"), want) {
			t.Errorf("config %q: logged %v, want %q", config, l, want)
		}
	}
}

// longTimeout is a client's that never asks twice: what it gets, it gets from
// the server's own motion.
const longTimeout = 120e9

var blocks1428 = []protocol.Option{{Name: "blksize", Value: "1428"}}

// flight is a number of sessions that are held in the middle.
type flight struct {
	wg      sync.WaitGroup
	release chan struct{}
	errs    chan error
}

// takeOff starts them, and returns when all have content.
func takeOff(t *testing.T, s *harness.Server) *flight {
	t.Helper()
	f := &flight{release: make(chan struct{}), errs: make(chan error, bystanders)}
	up := make(chan struct{}, bystanders)
	for i := range bystanders {
		f.wg.Go(func() {
			name := fmt.Sprintf("good-%d", i)
			w := &holdingWriter{after: goodSize / 3, held: up, release: f.release}
			client := workertest.Client{Options: blocks1428, Timeout: longTimeout}
			_, err := client.Get(t.Context(), s.Addr, name, w)
			if err == nil && !bytes.Equal(w.Bytes(), goodContent(name)) {
				err = fmt.Errorf("%s: wrong content, %d bytes", name, w.Len())
			}
			f.errs <- err
		})
	}
	for range bystanders {
		select {
		case <-up:
		case err := <-f.errs:
			t.Fatalf("a bystander ended early: %v", err)
		}
	}
	return f
}

// land lets them go on and fails the test if one of them did not get its bytes.
func (f *flight) land(t *testing.T) {
	t.Helper()
	close(f.release)
	f.wg.Wait()
	close(f.errs)
	for err := range f.errs {
		if err != nil {
			t.Errorf("bystander: %v", err)
		}
	}
}

// holdingWriter stops once, when it has got so many bytes, until it is released.
type holdingWriter struct {
	bytes.Buffer
	after   int
	held    chan<- struct{}
	release <-chan struct{}
	once    sync.Once
}

func (w *holdingWriter) Write(p []byte) (int, error) {
	if w.Len() >= w.after {
		w.once.Do(func() {
			w.held <- struct{}{}
			<-w.release
		})
	}
	return w.Buffer.Write(p)
}

func last[T any](s []T) T { return s[len(s)-1] }
