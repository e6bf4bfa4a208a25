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

// InstantOf returns the moment of a time of this process.
func InstantOf(t time.Time) Instant {
	return now() - Instant(time.Since(t))
}

// Time returns the moment as a time of this process, with the wall clock's date as
// it would have been by today's setting.
func (i Instant) Time() time.Time {
	return time.Now().Add(time.Duration(i - now()))
}

// now goes by the clock of Go's runtime, which is the same, from another origin, and is
// read without a system call.
func now() Instant {
	then, instant := origin()
	return instant + Instant(time.Since(then))
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
