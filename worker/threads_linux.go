package worker

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// usualSlack is the kernel's own, in ns.
const usualSlack = 50_000

// A worker is born with timers that may be very late (launch.timerSlack), for the sake of
// the runtime's monitor. On the runtime's other threads they would do harm: those sleep for
// microseconds when one is about to take over what another has made runnable, so content
// that goroutines prepare would come in fits and starts, and a handler that sleeps for a
// millisecond would do so for a hundred. So these go back to what is usual. The kernel lets
// a thread change its own timers alone, and gives a new thread those of the one that makes
// it.

// exactTimers is for a worker's beginning, before it starts a goroutine. lock keeps main on
// its thread; the runtime makes a thread then that is to make others.
func exactTimers(lock func()) error {
	if err := exact(); err != nil {
		return err
	}
	lock()
	// The runtime has made one thread for goroutines so far. Where main got ahead of it, as it
	// may on another CPU, this goroutine has a newer one.
	done := make(chan error)
	go func() { done <- exact() }()
	err := <-done
	if others() > 1 && err == nil {
		err = exactOthers(0)
	}
	return err
}

// exactOthers is for a session in which goroutines work beside main's. It makes a few
// threads more than there are, for when the monitor looks for one: it would make one with
// its own timers. It is to be called with main locked to its thread.
func exactOthers(more int) error {
	n := others() + more
	done, together := make(chan error, n), make(chan struct{})
	defer close(together)
	for range n {
		go func() {
			runtime.LockOSThread() // and so on one of its own, until all have one
			defer runtime.UnlockOSThread()
			done <- exact()
			<-together
		}()
	}
	var err error
	for range n {
		if e := <-done; err == nil {
			err = e
		}
	}
	return err
}

func exact() error { return unix.Prctl(unix.PR_SET_TIMERSLACK, usualSlack, 0, 0, 0) }

// others is how many threads run goroutines beside main's: all but that one, the monitor,
// and the one that makes threads.
func others() int {
	n, _ := runtime.ThreadCreateProfile(nil)
	return max(n-3, 0)
}
