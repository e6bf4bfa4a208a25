package supervisor

import (
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/launch"
)

func TestStartErrorIsTheWorkersOwnText(t *testing.T) {
	t.Parallel()
	var err error = &StartError{"open /srv/tftp: no such file or directory"}
	if err.Error() != "open /srv/tftp: no such file or directory" {
		t.Errorf("got %q", err)
	}
}

func TestPoolTakesTheLastIdleWorker(t *testing.T) {
	t.Parallel()
	p := newPool(fakeStarting)
	a, b, c := &worker{id: 1}, &worker{id: 2}, &worker{id: 3}
	p.idle = []*worker{a, b, c}
	p.removeIdle(b)
	p.removeIdle(&worker{id: 2}) // is none of them
	if got := p.takeIdle(); got != c {
		t.Errorf("took worker %d, want 3", got.id)
	}
	if got := p.takeIdle(); got != a || len(p.idle) != 0 {
		t.Errorf("took worker %d with %d left, want 1 with none", got.id, len(p.idle))
	}
}

func TestPoolBacksOffUpToABound(t *testing.T) {
	t.Parallel()
	p, now := newPool(fakeStarting), time.Now()
	want := minBackoff
	for i := range 20 {
		p.failed(now, p.wave, false)
		if p.backoff != want || !p.retryAt(now).Equal(now.Add(want)) {
			t.Fatalf("after failure %d the next start is in %v, want %v", i+1, p.backoff, want)
		}
		now = now.Add(p.backoff)
		want = min(2*want, maxBackoff)
	}
}

func TestRefillKeepsTheFloorAndCountsThoseOnTheirWay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		o              Options
		phase          phase
		idle, busy     int
		starting, wait int
		want           int // ordered
	}{
		{"the first worker proves the configuration", Options{MinIdle: 4}, opening, 0, 0, 0, 0, 1},
		{"and is waited for alone", Options{MinIdle: 4}, opening, 0, 0, 1, 0, 0},
		{"the floor", Options{MinIdle: 4}, serving, 0, 0, 0, 0, 4},
		{"the rest of the floor", Options{MinIdle: 4}, serving, 1, 0, 2, 0, 1},
		{"the floor is there", Options{MinIdle: 4}, serving, 4, 0, 0, 0, 0},
		{"one for each who waits", Options{MinIdle: 2}, serving, 0, 0, 0, 3, 5},
		{"those on their way count", Options{MinIdle: 2}, serving, 0, 0, 5, 3, 0},
		{"without a floor, only for those who wait", Options{MinIdle: -1}, serving, 0, 0, 0, 3, 3},
		{"without a floor and without demand", Options{MinIdle: -1}, serving, 0, 0, 0, 0, 0},
		{"no more than sessions may run", Options{MinIdle: -1, MaxSessions: 5}, serving, 0, 3, 0, 100, 2},
		{"not for those who can't be served", Options{MinIdle: 1, MaxSessions: 3}, serving, 0, 3, 0, 100, 1},
		{"a bounded number at once", Options{MinIdle: 1000}, serving, 0, 0, 0, 0, fakeStarting},
		{"none while draining", Options{MinIdle: 4}, draining, 0, 0, 0, 0, 0},
	} {
		f := newFake(t, tt.o)
		f.phase = tt.phase
		f.pool.starting = tt.starting
		for range tt.idle {
			f.pool.idle = append(f.pool.idle, &worker{})
		}
		for i := range tt.busy {
			f.pool.busy[uint32(i+1)] = &worker{}
		}
		for range tt.wait {
			f.queue.push(&session{})
		}
		f.refill(f.now)
		if f.ordered() != tt.want || f.pool.starting != tt.starting+tt.want {
			t.Errorf("%s: ordered %d with %d on their way, want %d and %d",
				tt.name, f.ordered(), f.pool.starting, tt.want, tt.starting+tt.want)
		}
	}
}

// Every way for a start to end gives its place back once.
func TestStartingReturnsToZero(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		happens  func(*fake, *testing.T)
		failures uint64
	}{
		{"it becomes ready", func(f *fake, t *testing.T) { f.ready(f.now, f.born(t)) }, 0},
		{"it can't be started", func(f *fake, t *testing.T) { (<-f.gen.starter.orders)(launch.Child{}, unix.EAGAIN) }, 1},
		{"it dies", func(f *fake, t *testing.T) { f.dies(f.born(t), ipc.Exit{Signal: unix.SIGSEGV}, "") }, 1},
		{"it exits cleanly and too early", func(f *fake, t *testing.T) { f.dies(f.born(t), ipc.Exit{}, "") }, 1},
		{"it breaks its contract", func(f *fake, t *testing.T) {
			w := f.born(t)
			f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindFinal, Outcome: ipc.OutcomeComplete})
			f.dies(w, ipc.Exit{Signal: unix.SIGKILL}, "")
		}, 1},
		{"it is not ready in time", func(f *fake, t *testing.T) {
			w := f.born(t)
			f.tick(f.now.Add(readyWithin))
			f.dies(w, ipc.Exit{Signal: unix.SIGTERM}, "")
		}, 1},
		{"it is dismissed", func(f *fake, t *testing.T) {
			w := f.born(t)
			f.dismiss(f.now, w)
			f.dies(w, ipc.Exit{}, "")
		}, 0},
		{"the drain finds it starting", func(f *fake, t *testing.T) {
			w := f.born(t)
			f.drain(f.now)
			f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindReady}) // it had been sent already
			f.dies(w, ipc.Exit{}, "")
		}, 0},
	} {
		f := newFake(t, Options{MinIdle: 1, DrainTimeout: -1})
		f.refill(f.now)
		if f.pool.starting != 1 {
			t.Fatalf("%s: %d starting before, want 1", tt.name, f.pool.starting)
		}
		tt.happens(f, t)
		if f.pool.starting != 0 || f.counters.WorkerFailures != tt.failures {
			t.Errorf("%s: %d still starting, %d failures; want 0 and %d", tt.name, f.pool.starting, f.counters.WorkerFailures, tt.failures)
		}
	}
}

func TestTheFirstWorkersFailureEndsRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		happens func(*fake, *worker)
		said    string
		want    string
	}{
		{"in its own words", func(*fake, *worker) {}, "no such directory", "no such directory"},
		{"by its exit without words", func(*fake, *worker) {}, "", "exit 78 (configuration refused)"},
		{"for being too slow", func(f *fake, w *worker) { w.press(f.now) }, "", "not ready within 30s"},
		{"for breaking its contract", func(f *fake, w *worker) { f.violation(f.now, w, "babble") }, "words", "broke its contract: babble"},
	} {
		f := newFake(t, Options{})
		f.phase = opening
		f.refill(f.now)
		w := f.born(t)
		tt.happens(f, w)
		f.dies(w, ipc.Exit{Code: ipc.ExitConfig}, tt.said)
		var start *StartError
		if !errors.As(f.fatal, &start) || !strings.Contains(f.fatal.Error(), tt.want) {
			t.Errorf("%s: got %v, want a StartError that says %q", tt.name, f.fatal, tt.want)
		}
		if !f.finished() {
			t.Errorf("%s: the loop would not end", tt.name)
		}
	}
}

func TestReadyKeepsNoMoreThanMaxIdle(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MinIdle: 3})
	f.refill(f.now)
	f.MaxIdle = 2
	var all []*worker
	for range 3 {
		w := f.born(t)
		f.ready(f.now, w)
		all = append(all, w)
	}
	leavers := 0
	for _, w := range all {
		if w.state == leaving {
			leavers++
		}
	}
	if len(f.pool.idle) != 2 || leavers != 1 || f.pool.starting != 0 {
		t.Errorf("%d idle, %d leaving, %d starting; want 2, 1 and 0", len(f.pool.idle), leavers, f.pool.starting)
	}
}

// pool_test.go
func TestNobodyIsStartedForRequestsThatWaitForSomethingElse(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MinIdle: 2, MaxIdle: 4})
	for range 20 {
		f.queue.push(&session{seen: f.now})
	}
	f.pool.holdUntil = f.now.Add(time.Second)
	f.refill(f.now)
	if f.ordered() != 2 {
		t.Errorf("%d workers were ordered while ports or descriptors are used up, want the floor of 2", f.ordered())
	}
	f.refill(f.pool.holdUntil)
	if f.ordered() != 22 {
		t.Errorf("%d workers were ordered after the pause, want 22", f.ordered())
	}
}

func TestPoolCountsFailuresTogetherOnce(t *testing.T) {
	t.Parallel()
	p, now := newPool(fakeStarting), time.Now()
	wave := p.wave
	for range fakeStarting { // ordered together, they fail one after the other
		p.failed(now, wave, true)
		now = now.Add(time.Second)
	}
	if p.backoff != minBackoff {
		t.Errorf("%d starts of one wave failed: the next is in %v, want %v", fakeStarting, p.backoff, minBackoff)
	}
}

func TestAWorkerThatIsReadyTooLateIsNotUsed(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MinIdle: 1})
	f.refill(f.now)
	w := f.born(t)
	f.tick(f.now.Add(readyWithin)) // SIGTERM is on its way
	f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindReady})
	if len(f.pool.idle) != 0 || f.pool.starting != 0 || w.state != leaving {
		t.Errorf("%d idle, %d starting, state %d; want it to leave", len(f.pool.idle), f.pool.starting, w.state)
	}
}

func TestWhatAConstructorPrintedIsNoPartOfALaterStack(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MinIdle: 1})
	f.refill(f.now)
	w := f.born(t)
	w.output.feed([]byte("loading 3 templates\n"), func(line string) { f.said(w, line) })
	f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindReady})
	w.output.feed([]byte("panic: x\n"), func(string) {})
	if got := w.output.last(func(string) {}); got != "panic: x" {
		t.Errorf("the stack is %q, want %q", got, "panic: x")
	}
}

func TestPoolWaitsForAResourceNoLongerThanItsClientsDo(t *testing.T) {
	t.Parallel()
	p, now := newPool(fakeStarting), time.Now()
	for range 20 {
		p.failed(now, p.wave, true)
	}
	if p.backoff != maxShortBackoff || p.backoff >= staleAfter/2 {
		t.Errorf("after 20 failures the next start is in %v, want %v", p.backoff, maxShortBackoff)
	}
}

// Where workers come and go at the limit, each one's end is worth one start; that
// most of these fail must not make the pauses longer.
func TestReliefThatDoesNotHelpDoesNotSlowThePool(t *testing.T) {
	t.Parallel()
	p, now := newPool(fakeStarting), time.Now()
	p.failed(now, p.wave, true)
	p.failed(now, p.wave, true)
	want := p.backoff
	for range 10 {
		p.relieved()
		if !p.startAt.IsZero() {
			t.Fatal("what a worker gave back did not let a start be tried at once")
		}
		p.relieved() // no start was tried in between
		p.failed(now, p.wave, true)
	}
	if p.backoff != want {
		t.Errorf("the pause is %v, want %v as before", p.backoff, want)
	}
}

func TestAWorkerThatGotNoThreadIsShortOfAResource(t *testing.T) {
	t.Parallel()
	const said = "runtime: failed to create new OS thread (have 2 already; errno=11)\nfatal error: newosproc"
	f := newFake(t, Options{MinIdle: 1})
	running := f.busy(&session{with: testWith})
	f.refill(f.now)
	f.dies(f.born(t), ipc.Exit{Code: ipc.ExitPanic}, said)
	f.refill(f.now)
	if f.ordered() != 0 || !f.pool.startAt.After(f.now) {
		t.Fatalf("%d workers ordered at once, the next not before %v: its own end relieved nothing", f.ordered(), f.pool.startAt.Sub(f.now))
	}
	f.dies(running, ipc.Exit{Signal: unix.SIGKILL}, "")
	f.refill(f.now)
	if f.ordered() != 1 {
		t.Errorf("%d workers ordered after another one's end, want 1", f.ordered())
	}
}

// Many starts at once would compete for what is short, and take it from the
// workers that are up.
func TestStartsThatFailAreTriedOneAtATime(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MinIdle: 20})
	f.refill(f.now)
	order := <-f.gen.starter.orders
	for f.ordered() > 0 {
		<-f.gen.starter.orders
	}
	f.pool.starting = 1
	order(launch.Child{}, unix.EAGAIN)
	f.refill(f.pool.startAt)
	if f.ordered() != 1 {
		t.Fatalf("%d starts after a failure, want 1", f.ordered())
	}
	for want := 2; want <= 8; want *= 2 { // each one that succeeds lets twice as many be tried
		w := f.born(t)
		f.ready(f.now, w)
		for f.ordered() > 0 {
			<-f.gen.starter.orders
		}
		f.pool.starting = 0
		f.refill(f.pool.startAt)
		if f.ordered() != want {
			t.Fatalf("%d starts, want %d", f.ordered(), want)
		}
	}
}

// The loop must not wait for a process, not even for one that it has killed.
func TestAWorkerThatCantBeWatchedIsReapedByATick(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MinIdle: 1})
	f.refill(f.now)
	order := <-f.gen.starter.orders
	cmd := exec.Command("sleep", "1000")
	pidfd := -1
	cmd.SysProcAttr = &syscall.SysProcAttr{PidFD: &pidfd}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended, err := unix.Dup(pidfd)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ended)
	order(launch.Child{PID: cmd.Process.Pid, PIDFD: pidfd, Control: -1, Stats: -1, Stderr: -1, Helper: -1}, nil) // -1 can't be watched
	if len(f.pool.all) != 1 || f.pool.starting != 0 || f.counters.WorkerFailures != 1 {
		t.Errorf("%d workers, %d starting, %d failures; want it kept until it has ended, and counted once",
			len(f.pool.all), f.pool.starting, f.counters.WorkerFailures)
	}
	for n := 0; n == 0; {
		n, err = unix.Poll([]unix.PollFd{{Fd: int32(ended), Events: unix.POLLIN}}, int(patience/time.Millisecond))
		if err != nil && !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
	}
	f.tick(f.now.Add(maxSleep))
	if len(f.pool.all) != 0 || f.counters.WorkerFailures != 1 {
		t.Errorf("%d workers and %d failures after its end, want 0 and 1", len(f.pool.all), f.counters.WorkerFailures)
	}
	if _, err := unix.Wait4(cmd.Process.Pid, nil, unix.WNOHANG, nil); !errors.Is(err, unix.ECHILD) {
		t.Errorf("its process is still to be waited for: %v", err)
	}
}

// loop
func TestAPauseInHandingOutEndsInTime(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{})
	f.tick(f.now)
	f.hold(f.now, unix.EMFILE)
	f.tick(f.now.Add(time.Millisecond)) // for another reason
	if !f.nextTick.Equal(f.pool.holdUntil) {
		t.Errorf("the loop wakes %v after the pause's end", f.nextTick.Sub(f.pool.holdUntil))
	}
}
