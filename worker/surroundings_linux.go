package worker

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// surroundings are what of a process a session could change and the next one
// would find changed. They are compared, not repaired: a worker in which
// something is left over serves nobody else. That is a guard against accidents.
// A handler that was taken over can hide from it, and the heap it can't see.
type surroundings struct {
	goroutines int
	open       []bool // descriptors, from 0 on
	ignored    uint32 // signals, by number
	env        []string
	dir        string
	level      SandboxLevel
}

// spareFDs is how many descriptors are looked at beyond those that are open in the
// beginning. The kernel gives out the lowest number that is free, so what is left open is
// among them, unless a session had more than that open at once. One poll(2) asks for all
// of them in 1 µs, where /proc/self/fd takes 11 and a worker in a sandbox can't see it.
const spareFDs = 24

// A worker in a sandbox may have maxFDs descriptors. One without may have fewer, and poll(2)
// then refuses to look at so many; hardly fewer than fewFDs.
const (
	maxFDs = 256
	fewFDs = 64
)

// firstLook is taken with the first job in hand, whose socket does not count.
func firstLook(socket int) *surroundings {
	// The first timer of a process makes the runtime's poller, two descriptors
	// that stay. A session has timers, and should not seem to have left these.
	time.AfterFunc(time.Hour, func() {}).Stop()
	s := look(maxFDs)
	if !s.open[ipc.Control] {
		s = look(fewFDs)
	}
	if socket < len(s.open) {
		s.open[socket] = false
	}
	last := len(s.open) - 1
	for last > 0 && !s.open[last] {
		last--
	}
	s.open = s.open[:min(last+1+spareFDs, len(s.open))]
	return &s
}

// look looks at the first of the descriptors.
func look(descriptors int) surroundings {
	s := surroundings{goroutines: runtime.NumGoroutine(), open: make([]bool, descriptors), env: os.Environ(), level: level()}
	fds := make([]unix.PollFd, descriptors)
	for i := range fds {
		fds[i].Fd = int32(i)
	}
	if _, err := pollNow(fds); err == nil {
		for i, fd := range fds {
			s.open[i] = fd.Revents&unix.POLLNVAL == 0
		}
	}
	for n := syscall.Signal(1); n < 32; n++ {
		if signal.Ignored(n) {
			s.ignored |= 1 << n
		}
	}
	s.dir, _ = syscall.Getwd()
	return s
}

func pollNow(fds []unix.PollFd) (int, error) {
	for {
		n, err := unix.Poll(fds, 0)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// settling is how often goroutines that are about to end are let run: a
// goroutine that was waited for still has its last few instructions to go.
const settling = 100

// changed says what is not as it was before the first session, or "".
func (s *surroundings) changed() string {
	for range settling {
		if runtime.NumGoroutine() <= s.goroutines {
			break
		}
		runtime.Gosched()
	}
	now := look(len(s.open))
	var left []string
	if n := now.goroutines - s.goroutines; n > 0 {
		left = append(left, fmt.Sprintf("%d goroutines", n))
	}
	if !now.open[ipc.Control] || !now.open[ipc.Stats] { // so is every other, if they could not be looked at
		left = append(left, "no control socket or stats pipe")
	}
	for fd := range now.open {
		if now.open[fd] != s.open[fd] {
			left = append(left, fmt.Sprintf("descriptor %d open: %v", fd, now.open[fd]))
		}
	}
	if now.ignored != s.ignored {
		left = append(left, fmt.Sprintf("ignored signals %#x, were %#x", now.ignored, s.ignored))
	}
	if !slices.Equal(now.env, s.env) {
		left = append(left, "another environment")
	}
	if now.dir != s.dir {
		left = append(left, "another working directory")
	}
	if now.level != s.level {
		left = append(left, fmt.Sprintf("sandbox level %v, was %v", now.level, s.level))
	}
	return strings.Join(left, ", ")
}
