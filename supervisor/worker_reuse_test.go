package supervisor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// The supervisor writes to the frames that it is given.
func readyFrame() *ipc.Frame { return &ipc.Frame{Kind: ipc.KindReady} }

func completeFrame() *ipc.Frame {
	return &ipc.Frame{Kind: ipc.KindFinal, Session: 1, Outcome: ipc.OutcomeComplete}
}

// controlled is a worker that serves session 1, and its end of the control socket.
func (f *fake) controlled(t *testing.T, last bool) (w *worker, theirs int) {
	t.Helper()
	sess := &session{with: testWith}
	w = f.busy(sess)
	ours, theirs, err := ipc.SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	w.Control = ours
	w.begin(f.now, sess, last)
	t.Cleanup(func() { ipc.CloseFD(w.Control); unix.Close(theirs) })
	return w, theirs
}

// hungUp says whether a worker can see the end of its control socket, and hangsUp
// whether it soon can: a process that another test starts holds a copy of our end
// from its fork until its exec.
func hungUp(theirs int) bool { return seesEnd(theirs, 0) }

func hangsUp(theirs int) bool { return seesEnd(theirs, time.Minute) }

func seesEnd(theirs int, within time.Duration) bool {
	fds := []unix.PollFd{{Fd: int32(theirs), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, int(within.Milliseconds()))
		if err != unix.EINTR {
			return n == 1
		}
	}
}

func TestAWorkerIsIdleAgainWhenItSaysSo(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{SessionsPerWorker: 2})
	w, theirs := f.controlled(t, false)
	f.frame(f.now, w, completeFrame())
	if w.state != leaving || len(f.pool.idle) != 0 || len(f.pool.busy) != 0 || hungUp(theirs) {
		t.Errorf("after its session: state %d, %d idle, %d busy, hung up %v; want it to leave with its control socket",
			w.state, len(f.pool.idle), len(f.pool.busy), hungUp(theirs))
	}
	f.frame(f.now, w, readyFrame())
	if w.state != idle || len(f.pool.idle) != 1 || !w.patience.IsZero() || w.asked != notAsked || hungUp(theirs) {
		t.Errorf("ready again: %+v, %d idle; want it idle and not pressed", w, len(f.pool.idle))
	}
	f.frame(f.now, w, readyFrame())
	if w.violated == "" {
		t.Errorf("ready a third time, without a session between, is no violation")
	}
	if f.counters.WorkersStarted != 0 || f.pool.starting != 0 {
		t.Errorf("a worker that came back was counted as started: %+v, %d starting", f.counters, f.pool.starting)
	}
}

func TestAWorkerIsRetiredAfterAnUncleanSession(t *testing.T) {
	t.Parallel()
	final := func(o ipc.Outcome) *ipc.Frame { return &ipc.Frame{Kind: ipc.KindFinal, Session: 1, Outcome: o} }
	none := func(*fake, *worker) {}
	for _, tt := range []struct {
		name   string
		before func(*fake, *worker)
		final  *ipc.Frame
		again  bool
	}{
		{"complete", none, final(ipc.OutcomeComplete), true},
		{"declined", none, final(ipc.OutcomeDeclined), true},
		{"refused", none, final(ipc.OutcomeRefused), true},
		{"the client's ERROR", none, final(ipc.OutcomePeerError), true},
		{"the client is gone", none, final(ipc.OutcomePeerGone), true},
		{"timed out", none, final(ipc.OutcomeTimedOut), true},
		{"aborted", none, final(ipc.OutcomeAborted), true},
		{"Open timed out", none, final(ipc.OutcomeOpenTimeout), false},
		{"asked to end", func(f *fake, w *worker) { f.endSession(f.now, w.session, Superseded) }, final(ipc.OutcomeStopped), false},
		{"asked to end, and complete", func(f *fake, w *worker) { f.endSession(f.now, w.session, Superseded) }, final(ipc.OutcomeComplete), false},
		{"its output looks like a stack", func(_ *fake, w *worker) { w.output.feed([]byte("panic: x\n"), nil) }, final(ipc.OutcomeComplete), false},
		{"it may be its last", func(_ *fake, w *worker) { w.since = w.since.Add(-maxAge) }, final(ipc.OutcomeComplete), false},
		{"it is young enough", func(_ *fake, w *worker) { w.since = w.since.Add(time.Second - maxAge) }, final(ipc.OutcomeComplete), true},
		{"the server drains", func(f *fake, _ *worker) { f.drain(f.now) }, final(ipc.OutcomeComplete), false},
	} {
		f := newFake(t, Options{SessionsPerWorker: 10})
		w, theirs := f.controlled(t, false)
		tt.before(f, w)
		f.frame(f.now, w, tt.final)
		if w.state != leaving || w.violated != "" {
			t.Errorf("%s: state %d, violated %q; want it to leave", tt.name, w.state, w.violated)
		}
		if tt.again && hungUp(theirs) || !tt.again && !hangsUp(theirs) {
			t.Errorf("%s: hung up %v, want %v", tt.name, tt.again, !tt.again)
		}
		f.frame(f.now, w, readyFrame()) // it had been sent already
		if got := len(f.pool.idle) == 1; got != tt.again || w.violated != "" {
			t.Errorf("%s: used again %v (%q), want %v", tt.name, got, w.violated, tt.again)
		}
	}
}

func TestTheLastSessionsWorkerIsNotHungUp(t *testing.T) { // that would be a system call more
	t.Parallel()
	f := newFake(t, Options{})
	w, theirs := f.controlled(t, true)
	f.frame(f.now, w, completeFrame())
	f.frame(f.now, w, readyFrame())
	if w.state != leaving || hungUp(theirs) || len(f.pool.idle) != 0 {
		t.Errorf("state %d, hung up %v, %d idle; want it to leave by itself", w.state, hungUp(theirs), len(f.pool.idle))
	}
}

func TestWhichSessionIsAWorkersLast(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		n      int // SessionsPerWorker
		served int
		age    time.Duration // since its first session
		want   bool
	}{
		{"the only one", 0, 0, 0, true},
		{"the first of two", 2, 0, 0, false},
		{"the second of two", 2, 1, 0, true},
		{"the ninth of ten", 10, 8, 0, false},
		{"the tenth of ten", 10, 9, 0, true},
		{"after less than an hour", 10, 1, maxAge - 1, false},
		{"after an hour", 10, 1, maxAge, true},
		{"the first one, however long it waited", 10, 0, 100 * maxAge, false},
	} {
		f := newFake(t, Options{SessionsPerWorker: tt.n})
		w := &worker{served: tt.served, since: f.now.Add(-tt.age)}
		if got := f.lastFor(f.now, w); got != tt.want {
			t.Errorf("%s: last %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestAnIdleWorkerIsRetiredWhenItIsOld(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{SessionsPerWorker: 10, MinIdle: 2})
	used, theirs := f.controlled(t, false)
	f.frame(f.now, used, completeFrame())
	f.frame(f.now, used, readyFrame())
	fresh := &worker{Child: used.Child, id: 99, state: idle}
	fresh.Control = -1
	f.pool.all[99], f.pool.idle = fresh, append(f.pool.idle, fresh)
	f.tick(f.now.Add(maxAge - 1))
	if used.state != idle {
		t.Fatal("it was retired before its time")
	}
	f.tick(f.now.Add(maxAge))
	if used.state != leaving || !hangsUp(theirs) || fresh.state != idle {
		t.Errorf("the used one is in state %d, the fresh one in %d; want the used one to leave", used.state, fresh.state)
	}
}

func TestADrainDismissesAWorkerBetweenSessions(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{SessionsPerWorker: 10})
	w, theirs := f.controlled(t, false)
	f.frame(f.now, w, completeFrame())
	f.drain(f.now)
	f.frame(f.now, w, readyFrame())
	if w.state != leaving || !hangsUp(theirs) || len(f.pool.idle) != 0 {
		t.Errorf("state %d, hung up %v, %d idle; want it to leave", w.state, hungUp(theirs), len(f.pool.idle))
	}
	f.dies(w, ipc.Exit{}, "")
	if !f.finished() || f.counters.WorkerFailures != 0 {
		t.Errorf("finished %v with %d failures, want it over without", f.finished(), f.counters.WorkerFailures)
	}
}

func TestAWorkerThatDoesNotComeBackIsPressed(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{SessionsPerWorker: 10})
	w, _ := f.controlled(t, false)
	f.frame(f.now, w, completeFrame())
	f.tick(f.now.Add(grace))
	f.frame(f.now, w, readyFrame()) // as the signal was on its way
	if w.asked != askedTerm || len(f.pool.idle) != 0 {
		t.Errorf("asked by %d, %d idle; want it terminated and not used", w.asked, len(f.pool.idle))
	}
	f.dies(w, ipc.Exit{Signal: unix.SIGTERM}, "")
	if f.counters.WorkerFailures != 0 {
		t.Errorf("%d failures, want none", f.counters.WorkerFailures)
	}
}

func TestExitUncleanIsNoFailureOfAWorkerThatWasToComeBack(t *testing.T) {
	t.Parallel()
	for last, failures := range map[bool]uint64{false: 0, true: 1} {
		f := newFake(t, Options{SessionsPerWorker: 10})
		w, _ := f.controlled(t, last)
		f.frame(f.now, w, completeFrame())
		f.dies(w, ipc.Exit{Code: ipc.ExitUnclean}, "a goroutine")
		if f.counters.WorkerFailures != failures {
			t.Errorf("after its last session %v: %d failures, want %d", last, f.counters.WorkerFailures, failures)
		}
	}
}

// What bounds a worker's frames and output is for one session, and what it said
// in one is logged under that one's name.
func TestBoundsBeginAnewWithEachSession(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{SessionsPerWorker: 10_000})
	w, _ := f.controlled(t, false)
	r, write, err := ipc.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	w.Stderr = r
	t.Cleanup(func() { unix.Close(r); unix.Close(write) })
	for i := range 2 * frameBurst {
		fmt.Fprint(fdWriter(write), strings.Repeat("x", 2000)+"\nunfinished")
		f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindFinal, Session: w.session.id, Outcome: ipc.OutcomeComplete})
		f.frame(f.now, w, readyFrame())
		if w.state != idle {
			t.Fatalf("after session %d: state %d, violated %q", i+1, w.state, w.violated)
		}
		if w.output.lines != 2 {
			t.Fatalf("session %d said %d lines, want 2: the last one, too, is its own", i+1, w.output.lines)
		}
		if n, err := unix.Read(r, make([]byte, 1)); err != unix.EAGAIN {
			t.Fatalf("after session %d the pipe still has %d bytes (%v)", i+1, n, err)
		}
		f.lastID++
		sess := &session{id: f.lastID, with: testWith, worker: w, socket: -1}
		f.sessions.add(sess)
		w.begin(f.now, sess, false)
		f.pool.takeIdle()
		f.pool.busy[w.id] = w
		if w.output.lines != 0 || w.output.read != 0 || len(w.output.line) != 0 {
			t.Fatalf("session %d begins with %+v", i+2, w.output)
		}
	}
}

type fdWriter int

func (w fdWriter) Write(p []byte) (int, error) { return unix.Write(int(w), p) }
