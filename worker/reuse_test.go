package worker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"weak"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/protocol"
	"brood/worker"
)

// newWanton returns a handler that does to its process what the file's name says.
func newWanton([]byte) (worker.Handler, error) {
	for range 3 { // what the constructor has begun is no session's
		go func() { select {} }()
	}
	for range 70 { // nor what it has opened, as one does that serves many trees
		if _, err := unix.Open("/proc/self", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return nil, err
		}
	}
	return worker.HandlerFunc(wanton), nil
}

// remains are what the session before has used: whatever of it can still be
// reached keeps the rest.
var remains struct {
	ctx      context.Context // of it, but not it: ended
	response weak.Pointer[used]
	request  weak.Pointer[worker.Request]
}

type used struct {
	worker.Response
}

func wanton(ctx context.Context, req *worker.Request) (worker.Response, error) {
	var err error
	var tidy func()
	switch req.File {
	case "remember":
		resp := &used{Response: worker.Bytes([]byte("x"))}
		remains.ctx, remains.response, remains.request = ctx, weak.Make(resp), weak.Make(req)
		return resp, nil
	case "what remains":
		runtime.GC()
		said := fmt.Sprintf("context %v, response %v, request %v",
			context.Cause(remains.ctx), remains.response.Value() != nil, remains.request.Value() != nil)
		return worker.Bytes([]byte(said)), nil
	case "descriptors":
		return worker.Bytes(listDescriptors()), nil
	case "fail":
		return nil, errors.New("no")
	case "goroutine":
		go func() { select {} }()
	case "goroutine that ends":
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {})
		}
		wg.Wait()
	case "descriptor":
		_, err = unix.Open("/proc/self", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	case "close":
		err = unix.Close(0)
	case "environment":
		err = os.Setenv("LEFT", "behind")
	case "directory":
		err = os.Chdir("/proc/self")
	case "signal":
		signal.Ignore(syscall.SIGUSR1)
	case "notify":
		signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1)
	case "all and tidy":
		tidy, err = tidily()
	}
	if err != nil {
		return nil, err
	}
	return &tidyResponse{worker.Bytes([]byte("x")), tidy}, nil
}

// tidily does much and returns what undoes it.
func tidily() (func(), error) {
	dir, err1 := os.Getwd()
	f, err2 := os.Open("/proc/self/status")
	stop := make(chan struct{})
	go func() { <-stop }()
	err := errors.Join(err1, err2, os.Setenv("LEFT", "behind"), os.Chdir("/proc/self"))
	return func() {
		f.Close()
		close(stop)
		os.Unsetenv("LEFT")
		os.Chdir(dir)
	}, err
}

type tidyResponse struct {
	worker.Response
	tidy func()
}

func (r *tidyResponse) Close() error {
	if r.tidy != nil {
		r.tidy()
	}
	return r.Response.Close()
}

// serveNext has a worker serve a file in a session that is not its last, and
// returns what the client got.
func (p *process) serveNext(file string) string {
	p.t.Helper()
	c := newPeer(p.t)
	job := c.job()
	job.File = file
	p.handOne(c, job)
	got := c.fetch()
	if f, ok := p.frame(); !ok || f.Kind != ipc.KindFinal || f.Session != job.Session || f.Outcome != ipc.OutcomeComplete {
		p.t.Fatalf("%s: %+v, %v; want the session complete", file, f, ok)
	}
	return string(got)
}

func TestAWorkerServesUntilItsLastJob(t *testing.T) {
	t.Parallel()
	w := startWorker(t, "does what it is told", "")
	w.expectReady()
	var descriptors string
	for i, file := range []string{"plain", "descriptors", "goroutine that ends", "all and tidy", "descriptors"} {
		got := w.serveNext(file)
		w.expectReady()
		if title := w.title(); title != ipc.IdleTitle {
			t.Errorf("between two sessions its title is %q, want %q", title, ipc.IdleTitle)
		}
		switch {
		case i == 1:
			descriptors = got
		case file == "descriptors" && got != descriptors:
			t.Errorf("open in the second session:\n%sand in the last:\n%s", descriptors, got)
		}
	}
	c := newPeer(t)
	w.handOne(c, func() ipc.Job { j := c.job(); j.File = "fail"; return j }())
	c.expectError(protocol.CodeUndefined, "Server error, see its log")
	if f, ok := w.frame(); !ok || f.Outcome != ipc.OutcomeRefused {
		t.Errorf("%+v, %v; want it refused", f, ok)
	}
	w.expectReady() // a refusal is a clean end
	c = newPeer(t)
	w.hand(c, c.job())
	c.fetch()
	w.expectFinal()
	w.expectExit(ipc.ExitOK)
}

func TestAWorkerBetweenSessionsEndsWithItsControlSocket(t *testing.T) {
	t.Parallel()
	w := startWorker(t, "does what it is told", "")
	w.expectReady()
	w.serveNext("plain")
	w.expectReady()
	w.hangUp()
	w.expectExit(ipc.ExitOK)
}

func TestNothingOfASessionCanBeReachedFromTheNext(t *testing.T) {
	t.Parallel()
	w := startWorker(t, "does what it is told", "")
	w.expectReady()
	w.serveNext("remember")
	w.expectReady()
	w.serveNext("plain") // what lay in registers and on the stack has been overwritten
	w.expectReady()
	if got, want := w.serveNext("what remains"), "context context canceled, response false, request false"; got != want {
		t.Errorf("of the session before: %s, want %s", got, want)
	}
}

func TestAWorkerInWhichSomethingIsLeftIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ file, said string }{
		{"goroutine", "1 goroutines"},
		{"descriptor", "descriptor "},
		{"close", "descriptor 0 open: false"},
		{"environment", "environment"},
		{"directory", "directory"},
		{"signal", "ignored signals"},
		{"notify", "goroutines"}, // the runtime's, which hands signals out
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			w := startWorker(t, "does what it is told", "")
			w.expectReady()
			w.serveNext("plain")
			w.expectReady()
			w.serveNext(tt.file)
			if f, ok := w.frame(); ok {
				t.Errorf("%+v after the session, want the worker to end", f)
			}
			w.expectExit(ipc.ExitUnclean, tt.said)
		})
	}
}

// TestAnEndThatWasAskedForIsTheWorkersEnd, whatever the supervisor would do.
func TestAnEndThatWasAskedForIsTheWorkersEnd(t *testing.T) {
	t.Parallel()
	w := startWorker(t, "serves its configuration", strings.Repeat("x", 600))
	w.expectReady()
	c := newPeer(t)
	job := c.job()
	keep, err := unix.Dup(c.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(keep)
	w.handOne(c, job)
	c.expectData(1, []byte(strings.Repeat("x", 512)))
	if err := unix.Shutdown(keep, unix.SHUT_RD); err != nil {
		t.Fatal(err)
	}
	if f := w.expectFinal(); f.Outcome != ipc.OutcomeStopped {
		t.Errorf("%+v, want %v", f, ipc.OutcomeStopped)
	}
	w.expectExit(ipc.ExitOK)
}

// TestTheRuntimesPollerIsNotLeftBehind: the first session's first timer makes it.
func TestTheRuntimesPollerIsNotLeftBehind(t *testing.T) {
	t.Parallel()
	w := startWorker(t, "serves its configuration", "x")
	w.expectReady()
	w.serveNext("plain")
	w.expectReady()
}
