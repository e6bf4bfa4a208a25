package ipc

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Instant is a moment by CLOCK_MONOTONIC, in nanoseconds since the system's start:
// the one clock that all processes of a machine share and nobody can set. A
// time.Time that leaves its process keeps its wall time alone, which may be set by
// a day in between.
type Instant int64

// InstantOf returns the moment of a time of this process. It reads no clock: between two
// readings the thread may stand still, and what was received would seem to have been earlier.
func InstantOf(t time.Time) Instant {
	then, instant := origin()
	return instant + Instant(t.Sub(then))
}

// Time returns the moment as a time of this process, with the wall clock's date as
// it would have been by today's setting.
func (i Instant) Time() time.Time {
	now := time.Now()
	return now.Add(time.Duration(i - InstantOf(now)))
}

var origin = sync.OnceValues(func() (time.Time, Instant) {
	const near = 20 * time.Microsecond // or the thread stood still between the two, if it can be helped
	for try := 0; ; try++ {
		var ts unix.Timespec
		then := time.Now()
		// It fails for clocks that do not exist.
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
		if time.Since(then) <= near || try == 10 {
			return then, Instant(ts.Nano())
		}
	}
})
