package supervisor

import (
	"net/netip"
	"testing"
	"time"

	"brood/ipc"
)

// waiter is a session of one source that waits, a stranger's or not.
func waiter(id uint64, source int, stranger bool) *session {
	addr := netip.AddrFrom4([4]byte{10, 0, byte(source >> 8), byte(source)})
	return &session{id: id, stranger: stranger, socket: -1, seen: time.Now(), with: conversation{peer: netip.AddrPortFrom(addr, 2070)}}
}

func anyRoom(netip.Addr) int { return 1 }

func TestTheLinesTakeTurns(t *testing.T) {
	t.Parallel()
	e := newEntrance()
	for i := range 1000 {
		e.push(waiter(uint64(i), i, true))
	}
	for i := range 2 {
		e.push(waiter(uint64(2000+i), 2000+i, false))
	}
	var order []uint64
	for range 5 {
		order = append(order, e.pop(true, anyRoom).id)
	}
	if want := [5]uint64{2000, 0, 2001, 1, 2}; [5]uint64(order) != want {
		t.Errorf("served in the order %v, want %v", order, want)
	}
	if s := e.pop(false, anyRoom); s != nil || e.eligible(0, 10, anyRoom) != 0 || e.eligible(7, 10, anyRoom) != 7 {
		t.Errorf("popped %+v where no stranger is admitted", s)
	}
	e.push(waiter(3000, 3000, false))
	if s := e.pop(false, anyRoom); s == nil || s.id != 3000 {
		t.Errorf("popped %+v, want the one who is known", s)
	}
}

// A flood of made up addresses fills every place with one request each.
func TestWhoIsKnownGetsAStrangersPlace(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MaxWaiting: 20, MaxSessions: 64})
	l := mustListen(t, "127.0.0.1:0")
	ask := func(n byte) {
		a := from(2070, rrq("f"))
		a.peer = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 2, n}), 2070)
		f.arrive(f.now, l, a)
	}
	for n := range byte(30) {
		ask(n)
	}
	if f.queue.len() != 20 || f.counters.Refused.QueueFull != 10 {
		t.Fatalf("%d wait, %d were refused; want 20 and 10", f.queue.len(), f.counters.Refused.QueueFull)
	}
	known := netip.AddrFrom4([4]byte{127, 0, 2, 99})
	f.queue.meet(f.now, known)
	ask(99)
	if !f.queue.has(known) || f.queue.len() != 20 || f.counters.Refused.QueueFull != 11 {
		t.Errorf("waiting: %v; %d wait, %d were refused; want a stranger to go", f.queue.has(known), f.queue.len(), f.counters.Refused.QueueFull)
	}
	if s := f.queue.pop(true, anyRoom); s.source() != known {
		t.Errorf("%v is served first, want who is known", s.source())
	}
}

// Where nobody is to wait, a stranger does not wait for a stranger's place either.
func TestAStrangerWhoWouldWaitIsRefusedWhereNobodyWaits(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MaxWaiting: -1, MaxSessions: 16})
	l := mustListen(t, "127.0.0.1:0")
	f.pool.idle = []*worker{{}, {}}
	f.unproved = 12
	f.arrive(f.now, l, from(2070, rrq("f")))
	if f.queue.len() != 0 || f.counters.Refused.QueueFull != 1 {
		t.Errorf("%d wait, %d refused; want it refused", f.queue.len(), f.counters.Refused.QueueFull)
	}
}

func TestTheLastIdleWorkerIsNotForStrangersInAFlood(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MaxSessions: 16, MinIdle: -1})
	for _, tt := range []struct {
		unproved, idle  int
		stranger, known bool
	}{
		{3, 1, true, true}, {4, 1, false, true}, {8, 2, true, true}, {12, 2, false, true}, {0, 0, false, false},
	} {
		f.unproved, f.pool.idle = tt.unproved, make([]*worker, tt.idle)
		if s, k := f.servesNow(f.now, true), f.servesNow(f.now, false); s != tt.stranger || k != tt.known {
			t.Errorf("%d unproved, %d idle: a stranger %v, one who is known %v", tt.unproved, tt.idle, s, k)
		}
	}
	// One stranger, and one worker that it does not get: another one is started.
	f.unproved, f.pool.idle = 8, make([]*worker, 1)
	f.queue.push(waiter(1, 1, true))
	f.refill(f.now)
	if f.ordered() != 1 {
		t.Errorf("%d workers were ordered, want 1", f.ordered())
	}
}

func TestStrangersDoNotGetEveryPlace(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MaxSessions: 16, StallTimeout: -1, MaxSessionTime: -1})
	var workers []*worker
	for i := range 12 {
		if f.strangersRoom(f.now) == 0 {
			t.Fatalf("with %d unproved no stranger is admitted", i)
		}
		sess := waiter(0, i, true)
		workers = append(workers, f.busy(sess))
		f.unproved++
	}
	if f.strangersRoom(f.now) != 0 {
		t.Error("a 13th stranger of 16 is admitted")
	}
	// An acknowledgement makes one known, and its place is no stranger's any more.
	w := workers[0]
	f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindConfirmed, Session: w.session.id, Size: -1})
	if f.strangersRoom(f.now) == 0 || f.unproved != 11 || !f.queue.knows(w.session.source()) {
		t.Errorf("%d unproved after an ACK, known %v", f.unproved, f.queue.knows(w.session.source()))
	}
	// An end makes room, too, and nobody known.
	f.dies(workers[1], ipc.Exit{Code: 2}, "")
	if f.unproved != 10 || f.queue.knows(netip.AddrFrom4([4]byte{10, 0, 0, 1})) {
		t.Errorf("%d unproved after a crash", f.unproved)
	}
	f.dies(w, ipc.Exit{Code: 2}, "")
	if f.unproved != 10 {
		t.Errorf("%d unproved, want a proved one not counted again", f.unproved)
	}
}

func TestASilentStrangerLosesItsPlaceOnlyToAnother(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MaxSessions: 16, StallTimeout: -1, MaxSessionTime: -1})
	var workers []*worker
	for i := range 12 {
		workers = append(workers, f.busy(waiter(0, i, true)))
		f.unproved++
	}
	f.frame(f.now, workers[0], &ipc.Frame{Kind: ipc.KindProgress, Session: workers[0].session.id, Size: -1, Packets: 1})
	late := f.now.Add(shedAfter)
	f.watchdog(late, workers[0].session)
	if got := workers[0].session.ending; got != ipc.OutcomeNone {
		t.Errorf("ending %v with nobody waiting", got)
	}
	f.queue.push(waiter(100, 100, true))
	f.watchdog(late.Add(-1), workers[0].session)
	if got := workers[0].session.ending; got != ipc.OutcomeNone {
		t.Errorf("ending %v before its time", got)
	}
	f.watchdog(late, workers[0].session)
	if got := workers[0].session.ending; got != TimedOut {
		t.Errorf("ending %v, want it timed out", got)
	}
	f.watchdog(late, workers[1].session)
	if got := workers[1].session.ending; got != ipc.OutcomeNone {
		t.Errorf("one whose handler has not opened yet is ending %v", got)
	}
	known := f.busy(waiter(0, 50, false))
	f.watchdog(late, known.session)
	if got := known.session.ending; got != ipc.OutcomeNone {
		t.Errorf("one who is known is ending %v", got)
	}
}

func TestOnASinglePortNobodyBecomesKnown(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{SinglePort: true})
	w := f.busy(waiter(0, 1, true))
	f.unproved++
	f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindConfirmed, Session: w.session.id, Size: -1})
	if f.queue.knows(w.session.source()) || f.unproved != 0 {
		t.Errorf("known %v, %d unproved", f.queue.knows(w.session.source()), f.unproved)
	}
}

func TestWhoIsKnownIsForgottenAfterADay(t *testing.T) {
	t.Parallel()
	e := newEntrance()
	now := time.Now()
	e.meet(now, loopbackPeer.Addr())
	e.expire(now.Add(knownFor))
	if !e.knows(loopbackPeer.Addr()) {
		t.Error("forgotten within a day")
	}
	e.expire(now.Add(knownFor + 1))
	if e.knows(loopbackPeer.Addr()) {
		t.Error("known for ever")
	}
}

// Answers that nobody hears use the credit up; one that is acknowledged gives back
// more than it took.
func TestStrangersWhoSayNothingUseUpTheirCredit(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{StallTimeout: -1, MaxSessionTime: -1})
	answered := func(i int) *worker {
		w := f.busy(waiter(0, i, true))
		f.unproved++
		f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindProgress, Session: w.session.id, Size: -1, Packets: 1})
		return w
	}
	var last *worker
	for i := range 16 {
		if f.strangersRoom(f.now) != 16-i {
			t.Fatalf("%d silent: room for %d, want %d", i, f.strangersRoom(f.now), 16-i)
		}
		last = answered(i)
	}
	if f.strangersRoom(f.now) != 0 {
		t.Fatal("the 17th silent stranger is admitted")
	}
	if due := f.credit.due(f.now); !due.After(f.now) || f.strangersRoom(due.Add(time.Millisecond)) != 1 {
		t.Errorf("then room for %d at %v, want 1", f.strangersRoom(due), due.Sub(f.now))
	}
	before := f.credit.now(f.now)
	f.frame(f.now, last, &ipc.Frame{Kind: ipc.KindConfirmed, Session: last.session.id, Size: -1, Packets: 1})
	if got := f.credit.now(f.now) - before; got != 2 {
		t.Errorf("an acknowledgement is worth %v, want 2", got)
	}
	for i := range 200 {
		w := answered(100 + i)
		f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindConfirmed, Session: w.session.id, Size: -1, Packets: 1})
	}
	if got := f.strangersRoom(f.now); got != 64 {
		t.Errorf("after a storm of honest strangers room for %d, want 64", got)
	}
	if got := f.strangersRoom(f.now.Add(time.Second)); got != 16 {
		t.Errorf("a second later room for %d, want the usual 16", got)
	}
}

func TestSessionsOfStrangersAreLoggedAtABoundedRate(t *testing.T) {
	t.Parallel()
	var c chatter
	now := time.Now()
	for range chatterBurst {
		if ok, _ := c.allow(now); !ok {
			t.Fatal("one of the first is not logged")
		}
	}
	for range 7 {
		if ok, _ := c.allow(now); ok {
			t.Fatal("one too many is logged")
		}
	}
	if ok, n := c.allow(now.Add(time.Second)); !ok || n != 7 {
		t.Errorf("a second later: logged %v, %d suppressed; want 7", ok, n)
	}
}

func TestIdleWorkersAreKeptForThoseWhoAreKnown(t *testing.T) {
	t.Parallel()
	cpus := cpus()
	for _, tt := range []struct {
		o              Options
		unproved, want int
	}{
		{Options{MinIdle: -1}, fewStrangers - 1, 0},
		{Options{MinIdle: -1}, fewStrangers, 1},
		{Options{MinIdle: 2, MaxIdle: 4}, fewStrangers, 1},
		{Options{MinIdle: 1000, MaxIdle: 1000}, fewStrangers, cpus},
		{Options{MinIdle: 1000, MaxIdle: 1000, MaxSessions: fewSessions - 1}, fewStrangers, 0},
	} {
		f := newFake(t, tt.o)
		f.unproved = tt.unproved
		if got := f.kept(); got != tt.want {
			t.Errorf("%+v with %d unproved: %d are kept, want %d", tt.o, tt.unproved, got, tt.want)
		}
	}
}
