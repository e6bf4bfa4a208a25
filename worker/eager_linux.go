package worker

import (
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Bounds of looking for an answer before sleeping for it.
const (
	// eagerFor is about what waking an idle processor costs: to sleep for less
	// is dearer than to wait. In lock-step over loopback on two virtual
	// processors, 512-byte blocks went at 23 MB/s in place of 7 to 23, for no
	// more CPU time.
	eagerFor = 50 * time.Microsecond
	// eagerMost is how many answers in a row may miss before looking stops.
	eagerMost = 4
	// eagerRest is how many reads then sleep at once before it is tried again.
	// A peer beyond a network answers too late for it, and where more sessions
	// than processors run, the time is another session's.
	eagerRest = 64
	// eagerFirst is how many reads of a session sleep at once. A short one has no
	// time to learn whether looking is worth it.
	eagerFirst = 4
	// eagerYield is more than sched_yield(2) takes when nobody else is waiting
	// for the processor (about 1 µs), and less than any other task runs.
	eagerYield = 10 * time.Microsecond
)

// eager decides whether a read looks for its datagram for a moment before it
// sleeps. It does as long as that has been worth it lately.
type eager struct {
	misses int // in a row
	rest   int // reads to sleep at once
}

// try says whether to look.
func (e *eager) try() bool {
	if e.rest > 0 {
		e.rest--
		return false
	}
	return true
}

// looks says whether the next try will say so.
func (e *eager) looks() bool { return e.rest == 0 }

// learn takes the result of a try. After a rest one miss is enough for another.
func (e *eager) learn(hit bool) {
	if hit {
		e.misses = 0
		return
	}
	if e.misses++; e.misses >= eagerMost {
		e.pause()
	}
}

// pause has the next reads sleep at once.
func (e *eager) pause() { e.misses, e.rest = eagerMost-1, eagerRest }

// look receives without waiting, again and again for eagerFor; EAGAIN says that
// nothing came. Between two looks the processor is offered to others. Taken
// away for longer than a system call lasts, it is wanted by others, and they get
// it: with more sessions than processors, looking was a fifth of a worker's time.
func (s *socket) look(p []byte) (int, error) {
	taken := false
	for start := time.Now(); ; {
		if n, err := s.now(p); !errors.Is(err, unix.EAGAIN) {
			return n, err
		}
		before := time.Now()
		if taken {
			s.eager.pause()
			return 0, unix.EAGAIN
		}
		if before.Sub(start) > eagerFor {
			return 0, unix.EAGAIN
		}
		unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
		taken = time.Since(before) > eagerYield
	}
}

// now receives what lies there; EAGAIN says that nothing does.
func (s *socket) now(p []byte) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd),
		uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
