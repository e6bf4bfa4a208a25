package ipc

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestInstantsAreOfTheClockThatAllProcessesShare(t *testing.T) {
	t.Parallel()
	clock := func() Instant {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
			t.Fatal(err)
		}
		return Instant(ts.Nano())
	}
	const apart = Instant(time.Second)
	before, got, after := clock(), InstantOf(time.Now()), clock()
	if got < before-apart || got > after+apart {
		t.Errorf("it is %d, and between %d and %d by the clock", got, before, after)
	}
}

// A time without its monotonic reading is one that came from another process, or
// whose wall clock was set since.
func TestAnInstantKeepsItsDistanceWhateverTheWallClockSays(t *testing.T) {
	t.Parallel()
	for _, ago := range []time.Duration{0, time.Millisecond, time.Hour} {
		was := time.Now().Add(-ago)
		again := InstantOf(was).Time()
		// Both clocks are read one after the other, so it is not to the nanosecond.
		if d := again.Sub(was).Abs(); d > time.Second {
			t.Errorf("%v ago came back %v apart", ago, d)
		}
		if again == again.Round(0) {
			t.Errorf("%v has lost its monotonic reading: a step of the wall clock would move it", again)
		}
	}
}
