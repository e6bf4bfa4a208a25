package supervisor

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// tally is a killCounter.
type tally uint64

func (n *tally) Count() uint64 { return uint64(*n) }
func (n *tally) Close()        {}

// tallied has the kernel count whom it ends; some it ended before.
func (f *fake) tallied() *tally {
	n := tally(7)
	f.counted, f.kills.seen = &n, 7
	return &n
}

// well ends a worker that has served well and had so much memory, in KiB.
func (f *fake) well(peak int64) {
	w := f.busy(&session{})
	f.sessions.remove(w.session)
	w.gen, w.session, w.state, w.served = f.gen, nil, leaving, 1
	f.dies(w, ipc.Exit{MaxRSS: peak}, "")
}

func TestNobodyIsToBlameForWhatOthersHadOfTheMemory(t *testing.T) {
	t.Parallel()
	const usual = 10 << 20 // KiB, more than this process ever has
	killed := func(kib int64) ipc.Exit { return ipc.Exit{Signal: unix.SIGKILL, MaxRSS: kib} }
	more := ownPeak() + usualMore // or somewhat less than what there is then
	for _, tt := range []struct {
		name   string
		o      Options
		bound  int64  // of the whole server, in bytes
		usual  int64  // of a worker that ended well before; 0: none has
		kernel uint64 // has ended so many for each that dies
		exit   ipc.Exit
		blamed bool
		memory bool // it is in the line
	}{
		{"somewhat more than the supervisor", Options{}, 0, 0, 1, killed(more), false, true},
		{"as much as others", Options{}, 0, usual, 1, killed(usual + usualMore), false, true},
		{"more than all others", Options{}, 0, usual, 1, killed(usual + usualMore + 1), true, true},
		{"in a group of the workers' own", Options{WorkersMemory: 64 << 20}, 0, 0, 1, killed(more), false, true},
		{"more than others in it", Options{WorkersMemory: 64 << 20}, 0, usual, 1, killed(usual + usualMore + 1), true, true},
		{"a quarter of a small one", Options{WorkersMemory: 16 << 20}, 0, usual, 1, killed(usual + 4<<10), false, true},
		{"more than that", Options{WorkersMemory: 16 << 20}, 0, usual, 1, killed(usual + 4<<10 + 1), true, true},
		{"a quarter of what the server has", Options{}, 16 << 20, usual, 1, killed(usual + 4<<10), false, true},
		{"more than that", Options{}, 16 << 20, usual, 1, killed(usual + 4<<10 + 1), true, true},
		{"of two bounds the closer one", Options{WorkersMemory: 64 << 20}, 16 << 20, usual, 1, killed(usual + 4<<10 + 1), true, true},
		{"ended by itself with that signal", Options{}, 0, 0, 0, killed(1), true, false},
		{"a crash while the kernel ends another", Options{}, 0, 0, 1, ipc.Exit{Signal: unix.SIGSEGV, MaxRSS: 1}, true, false},
	} {
		f := newFake(t, tt.o)
		kernel := f.tallied()
		events := f.bounded()
		if tt.o.WorkersMemory == 0 {
			f.leaf = nil
		} else {
			f.counted = nil
		}
		f.bound = tt.bound
		if tt.usual > 0 {
			f.well(tt.usual)
		}
		for range loopCrashes {
			*kernel += tally(tt.kernel)
			events.Killed += tt.kernel
			f.dies(f.busy(&session{datagram: "it"}), tt.exit, "")
		}
		if got := f.crashes.paused(f.now, "it") > 0; got != tt.blamed {
			t.Errorf("%s: it is refused: %v, want %v", tt.name, got, tt.blamed)
		}
		r := f.reported()
		if got := strings.Contains(r[len(r)-1].Detail, " for want of memory"); got != tt.memory {
			t.Errorf("%s: %q, which speaks of memory: %v, want %v", tt.name, r[len(r)-1].Detail, got, tt.memory)
		}
	}
}

func TestEachKillAccountsForOneEndSoonAfter(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{})
	kernel := f.tallied()
	var wants []bool // in the line of each
	dies := func(want bool) {
		f.dies(f.busy(&session{}), ipc.Exit{Signal: unix.SIGKILL}, "")
		wants = append(wants, want)
	}
	dies(false) // those before this server are nobody's
	*kernel += 2
	dies(true)
	dies(true)
	dies(false)

	*kernel++ // a program that a worker ran, say, or a helper
	f.lookForKills(f.now)
	f.now = f.now.Add(lateDeath)
	dies(false)

	// Others that come meanwhile make the earlier ones no younger.
	for range 3 {
		*kernel++
		f.lookForKills(f.now)
		f.now = f.now.Add(lateDeath * 2 / 3)
	}
	dies(true)
	dies(false)
	f.now = f.now.Add(lateDeath)

	w := f.busy(&session{})
	w.asked = askedKill
	*kernel++
	f.dies(w, ipc.Exit{Signal: unix.SIGKILL}, "")
	wants = append(wants, false)
	dies(true)

	*kernel = 0 // it can't be read
	dies(false)
	r := f.reported()
	for i, want := range wants {
		if got := strings.Contains(r[i].Detail, "memory"); got != want {
			t.Errorf("the end %d: %q, which speaks of memory: %v, want %v", i, r[i].Detail, got, want)
		}
	}
}

func TestWhatWorkersUsuallyHaveIsWhatThoseHadThatEndedWell(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{})
	f.well(800)
	f.well(1600)
	if f.pool.usual != 900 {
		t.Errorf("after 800 and 1600 it is %d, want 900", f.pool.usual)
	}
	old := f.busy(&session{})
	old.session, old.state, old.served, old.gen = nil, leaving, 1, &generation{}
	f.dies(old, ipc.Exit{MaxRSS: 1 << 30}, "")
	amid := f.busy(&session{})
	amid.gen, amid.served = f.gen, 1
	f.dies(amid, ipc.Exit{MaxRSS: 1 << 30}, "")
	unused := f.busy(&session{})
	unused.gen, unused.session, unused.state = f.gen, nil, leaving
	f.dies(unused, ipc.Exit{MaxRSS: 1}, "")
	if f.pool.usual != 900 {
		t.Errorf("one of another generation, that left its session, or that had none, made it %d", f.pool.usual)
	}
}

// Who was starved while it started is tried again soon: somebody may give something back.
func TestAStarvedStartIsWantOfAResource(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		kernel tally
		short  bool
	}{{"by the kernel", 1, true}, {"by itself", 0, false}} {
		f := newFake(t, Options{})
		*f.tallied() += tt.kernel
		f.refill(f.now)
		f.dies(f.born(t), ipc.Exit{Signal: unix.SIGKILL}, "")
		if f.pool.short != tt.short || f.counters.WorkerFailures != 1 {
			t.Errorf("%s: want of a resource: %v, %d failures; want %v and 1", tt.name, f.pool.short, f.counters.WorkerFailures, tt.short)
		}
	}
}

func TestThereAreNoMoreWorkersThanThereWasMemoryFor(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MinIdle: 100, MaxIdle: 100})
	kernel := f.tallied()
	var busy []*worker
	for range 17 {
		busy = append(busy, f.busy(&session{}))
	}
	ends := func(w *worker, kib int64) {
		t.Helper()
		*kernel++
		f.dies(w, ipc.Exit{Signal: unix.SIGKILL, MaxRSS: kib}, "")
	}
	starts := func() bool {
		t.Helper()
		f.refill(f.now)
		began := f.pool.starting > 0
		for ; f.pool.starting > 0; f.pool.starting-- {
			<-f.gen.starter.orders
			f.pool.ordered--
		}
		return began
	}
	ends(busy[16], ownPeak()+10*usualMore)
	if !starts() {
		t.Error("one that took it all keeps others from being started")
	}
	ends(busy[15], 0)
	if f.pool.fit != 14 || starts() {
		t.Errorf("15 are left, and there may be %d", f.pool.fit)
	}
	for i := range 2 {
		f.dies(busy[i], ipc.Exit{}, "")
	}
	// 13 live, of which one is on its way out, and one is on its way in.
	delete(f.pool.busy, busy[14].id)
	f.pool.ordered++
	if starts() {
		t.Error("a 15th is started")
	}
	f.pool.ordered--
	if !starts() {
		t.Error("with 13 none is started")
	}
	f.now = f.now.Add(fitFor / 2)
	ends(busy[2], 0)
	if f.pool.fit != 11 || starts() {
		t.Errorf("12 are left, and there may be %d", f.pool.fit)
	}
	if f.now = f.now.Add(fitFor - 1); starts() {
		t.Error("it is tried again too early")
	}
	if f.now = f.now.Add(1); !starts() {
		t.Error("it is never tried again")
	}
	// What was found out then is of no more use, also if nobody has asked since.
	f.now = f.now.Add(fitFor)
	for range 20 {
		busy = append(busy, f.busy(&session{}))
	}
	ends(busy[17], 0)
	if f.pool.fit != 28 {
		t.Errorf("31 are left, and there may be %d", f.pool.fit)
	}
	for i := 3; i < len(busy); i++ {
		if i < 15 || i > 17 {
			ends(busy[i], 0)
		}
	}
	if f.pool.fit != 1 || !starts() {
		t.Errorf("none is left, and there may be %d", f.pool.fit)
	}
	f.busy(&session{})
	f.stuck = 1
	ends(f.busy(&session{}), 0)
	if f.pool.fit != 1 {
		t.Errorf("within the minute there may be %d, want no more than before", f.pool.fit)
	}
	f.now = f.now.Add(fitFor)
	ends(f.busy(&session{}), 0)
	if f.pool.fit != 2 || !starts() {
		t.Errorf("one that is stuck is left, and there may be %d", f.pool.fit)
	}
}
