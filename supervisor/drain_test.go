package supervisor

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// A drain is a staircase: sessions may finish, are told to end, get SIGTERM and
// at last SIGKILL. The signals go nowhere here; that they are sent is seen
// through the built binary.
func TestADrainGoesFromAskingToKilling(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{DrainTimeout: 30 * time.Second})
	w := f.busy(&session{with: testWith})
	w.heard = f.now
	f.drain(f.now)
	begun := f.now
	if f.phase != draining || w.session.ending != ipc.OutcomeNone || f.finished() {
		t.Fatalf("phase %d, ending %v: a session has time to finish", f.phase, w.session.ending)
	}
	f.tick(begun.Add(29 * time.Second))
	if f.phase != draining || w.asked != notAsked {
		t.Fatalf("before the end of DrainTimeout: phase %d, asked by %d", f.phase, w.asked)
	}
	f.tick(begun.Add(31 * time.Second))
	if f.phase != asking || w.session.ending != Drained || w.asked != askedNicely {
		t.Fatalf("after DrainTimeout: phase %d, ending %v, asked by %d; want it told to end", f.phase, w.session.ending, w.asked)
	}
	for _, want := range []ask{askedTerm, askedKill} {
		f.tick(w.patience.Add(-1))
		if w.asked == want {
			t.Fatalf("it got signal state %d before its time", want)
		}
		f.tick(w.patience)
		if w.asked != want {
			t.Fatalf("asked by %d, want %d", w.asked, want)
		}
	}
	f.dies(w, ipc.Exit{Signal: unix.SIGKILL}, "")
	if got := f.reported(); !f.finished() || len(got) != 1 || got[0].Outcome != Drained {
		t.Errorf("finished %v, recorded %+v; want one drained session", f.finished(), got)
	}
}

func TestTheCountersAreReportedAtEachInterval(t *testing.T) {
	t.Parallel()
	reports := make(chan ServerStats, 10)
	f := newFake(t, Options{StatsInterval: 10 * time.Second, OnServerStats: func(s ServerStats) { reports <- s }})
	f.statsAt = f.now.Add(f.StatsInterval)
	for _, after := range []time.Duration{1, 9, 10, 11, 20, 29} { // seconds
		f.tick(f.now.Add(after * time.Second))
	}
	f.reported()
	if n := len(reports); n != 2 {
		t.Errorf("%d reports in 29 s, want one each 10 s", n)
	}
}
