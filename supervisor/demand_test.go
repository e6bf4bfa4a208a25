package supervisor

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/launch"
)

func TestDemandIsThePeakOfASecondAndDecays(t *testing.T) {
	t.Parallel()
	var d demand
	now := time.Now()
	d.turn(now, 20, 100)
	for i := range 12 {
		d.take(19 - i)
	}
	for range 5 {
		d.back()
	}
	d.take(12)
	if got := d.recent(); got != 12 {
		t.Errorf("with 12 out at once: %d, want it to count at once", got)
	}
	if spare := d.turn(now, 19, 100); spare != 8 {
		t.Errorf("%d were idle throughout, want 8", spare)
	}
	var got []int
	for range 5 {
		got = append(got, d.recent())
		d.turn(now, 20, 100)
	}
	if want := []int{12, 6, 3, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("second by second: %v, want %v", got, want)
	}
	for range 1000 {
		d.take(0)
	}
	if d.turn(now, 0, 100); d.recent() != 100 {
		t.Errorf("after a storm %d are remembered, want no more than can be idle, 100", d.recent())
	}
	if !d.until.Equal(now.Add(demandWindow)) {
		t.Errorf("the window ends in %v, want %v", d.until.Sub(now), demandWindow)
	}
}

func TestDemandDoesNotOweWhatCameBackTwice(t *testing.T) {
	t.Parallel()
	var d demand
	d.back() // was taken in an earlier window
	d.take(0)
	if d.recent() != 1 {
		t.Errorf("one was taken, and %d count", d.recent())
	}
}

func TestRefillFollowsDemandBetweenFloorAndCeiling(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		o     Options
		taken int
		want  int // ordered
	}{
		{"none", Options{MinIdle: 4, MaxIdle: 16}, 0, 4},
		{"less than the floor", Options{MinIdle: 4, MaxIdle: 16}, 3, 4},
		{"more than the floor", Options{MinIdle: 4, MaxIdle: 16}, 9, 9},
		{"more than the ceiling", Options{MinIdle: 4, MaxIdle: 16}, 100, 16},
		{"without a floor", Options{MinIdle: -1, MaxIdle: 16}, 5, 5},
		{"without both", Options{MinIdle: -1}, 5, 0},
	} {
		f := newFake(t, tt.o)
		for range tt.taken {
			f.pool.demand.take(0)
		}
		f.refill(f.now)
		if f.ordered() != tt.want {
			t.Errorf("%s: %d taken, %d ordered, want %d", tt.name, tt.taken, f.ordered(), tt.want)
		}
	}
}

// idlers makes idle workers; the first was idle longest.
func (f *fake) idlers(n int) []*worker {
	var all []*worker
	for range n {
		f.pool.lastID++
		w := &worker{Child: launch.Child{PIDFD: -1, Control: -1, Stats: -1, Stderr: -1, Helper: -1}, id: f.pool.lastID, state: idle}
		f.pool.all[w.id] = w
		f.pool.idle = append(f.pool.idle, w)
		all = append(all, w)
	}
	return all
}

func TestThePoolShrinksWhenNobodyComes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		o    Options
		idle int
		want []int // idle, second by second
	}{
		{"one at a time to the floor", Options{MinIdle: 2, MaxIdle: 9}, 5, []int{5, 4, 3, 2, 2, 2}},
		{"by halves to the ceiling", Options{MinIdle: 2, MaxIdle: 4}, 20, []int{20, 12, 8, 6, 5, 4, 3, 2, 2}},
		{"to one where there is no floor, as ready keeps one", Options{MinIdle: -1}, 3, []int{3, 2, 1, 1}},
		{"never below the floor", Options{MinIdle: 4}, 4, []int{4, 4}},
	} {
		f := newFake(t, tt.o)
		all := f.idlers(tt.idle)
		now := f.now
		var got []int
		for range tt.want {
			f.tick(now)
			got = append(got, len(f.pool.idle))
			now = now.Add(demandWindow)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v idle, want %v", tt.name, got, tt.want)
		}
		if !slices.Equal(f.pool.idle, all[len(all)-len(f.pool.idle):]) {
			t.Errorf("%s: those that were idle longest did not go first", tt.name)
		}
	}
}

func TestThePoolDoesNotShrinkByWhatIsUsed(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MinIdle: 1, MaxIdle: 1, SessionsPerWorker: 100})
	f.idlers(2)
	now := f.now
	f.tick(now)
	for range 10 { // one worker after the other serves, as long as the window is
		w := f.pool.takeIdle()
		f.pool.demand.take(len(f.pool.idle))
		w.state, w.returning, w.asked = leaving, true, askedNicely
		f.frame(now, w, &ipc.Frame{Kind: ipc.KindReady})
		now = now.Add(demandWindow)
		f.tick(now)
	}
	if len(f.pool.idle) != 2 {
		t.Errorf("%d idle, want both: without the second one a worker would be started for each session", len(f.pool.idle))
	}
	if f.refill(now); f.ordered() != 0 {
		t.Errorf("%d workers were ordered, want none", f.ordered())
	}
}

func TestThePoolIsLookedAtEverySecond(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{})
	f.tick(f.now)
	end := f.pool.demand.until
	f.tick(f.now.Add(time.Millisecond)) // for another reason
	if !f.pool.demand.until.Equal(end) || f.nextTick.After(end) || !f.nextTick.After(f.now) {
		t.Errorf("the window's end moved by %v, the next tick is %v after it", f.pool.demand.until.Sub(end), f.nextTick.Sub(end))
	}
}

func TestAHandOverIsDemand(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MinIdle: 1})
	f.idlers(2)
	ours, theirs, err := ipc.SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(ours); unix.Close(theirs) })
	f.tick(f.now)
	w := f.pool.takeIdle()
	w.Control = ours
	sess := &session{id: 1, with: conversation{peer: loopbackPeer, local: loopbackPeer.Addr()}, socket: -1}
	if err := f.handOver(f.now, sess, w); err != nil || w.state != busy {
		t.Fatalf("%v, state %d, want it handed over", err, w.state)
	}
	unix.Close(sess.socket)
	sess.socket = -1
	if d := f.pool.demand; d.recent() != 1 || d.spare != 1 {
		t.Errorf("%+v, want one taken and one spare", d)
	}
}

func TestAReusablePoolIsNotCutWhenAWorkerComesUp(t *testing.T) {
	t.Parallel()
	for sessions, want := range map[int]int{1: 1, 2: 2} {
		f := newFake(t, Options{MinIdle: 1, MaxIdle: 1, SessionsPerWorker: sessions})
		f.refill(f.now)
		w := f.born(t)
		f.idlers(1) // it came back meanwhile; one of them will be out again at once
		f.ready(f.now, w)
		if len(f.pool.idle) != want {
			t.Errorf("%d sessions a worker: %d idle, want %d", sessions, len(f.pool.idle), want)
		}
	}
}
