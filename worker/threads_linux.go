package worker

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// usualSlack is the kernel's own, in ns.
const usualSlack = 50_000

// A worker is born with timers that may be very late (launch.timerSlack), for the sake of
// the runtime's monitor, which keeps them, and with it a thread that it makes itself while all
// others are in system calls. On the runtime's other threads they would do harm: those sleep for
// microseconds when one is about to take over what another has made runnable, so content
// that goroutines prepare would come in fits and starts, and a handler that sleeps for a
// millisecond would do so for a hundred. So these go back to what is usual. The kernel lets
// a thread change its own timers alone, and gives a new thread those of the one that makes
// it.

// A worker is also born to yield the CPU to those that serve (launch.Relax). What is on its
// way to serve does so no longer; the monitor goes on.

// asUsual is for a worker's beginning: the calling thread's timers, and its place among those
// that want the CPU, become what they are elsewhere, and with it those of all that it makes.
func asUsual() {
	exact()
	// A server that was made a batch job has workers that are.
	if a, err := unix.SchedGetAttr(os.Getppid(), 0); err == nil && a.Policy == unix.SCHED_BATCH {
		return
	}
	if a, err := unix.SchedGetAttr(0, 0); err == nil && a.Policy == unix.SCHED_BATCH {
		a.Policy = unix.SCHED_NORMAL
		unix.SchedSetAttr(0, a, 0)
	}
}

// allAsUsual is asUsual for the threads that there are for goroutines. It is for before a
// worker starts one, with main on its own thread, which is as usual.
func allAsUsual() {
	// The runtime has made one thread for goroutines so far. Where that one, on another CPU,
	// is not back from its last deed yet, a second one is made here in its place.
	for n, moment := 0, unix.NsecToTimespec(usualSlack); n < beside() && n < maxBeside; {
		if n > 0 {
			unix.Nanosleep(&moment, nil)
		}
		n = beside()
		eachBeside(n, asUsual)
	}
}

// maxBeside is how many threads a worker may make for goroutines while one does not come
// back: then the machine has other troubles than late timers.
const maxBeside = 3

// eachBeside calls do on n threads that have nothing to do, and makes those that there are
// not: each goroutine has one for itself while it waits for the next. None is left when it
// returns.
func eachBeside(n int, do func()) {
	if n <= 0 {
		return
	}
	done := make(chan struct{})
	go func() {
		do()       // the first time for the maker, which lockThread may make
		if n > 1 { // or one thread would do for all
			lockThread()
			defer runtime.UnlockOSThread()
			do()
		}
		eachBeside(n-1, do)
		close(done)
	}()
	<-done
}

// exact fails where there is no such call, and then no thread's timers are late.
func exact() { unix.Prctl(unix.PR_SET_TIMERSLACK, usualSlack, 0, 0, 0) }

// hasMaker says whether there is a thread that runs no goroutines and makes others: for a
// thread that is a goroutine's own the runtime needs it, and makes it with the first. In a
// program with cgo there is one from before the first init function on, and its timers stay
// late, and it yields.
var hasMaker bool

// lockThread is runtime.LockOSThread with the maker's timers, and so those of whom it makes,
// as usual.
func lockThread() {
	exact()
	runtime.LockOSThread()
	hasMaker = true
	exact() // the goroutine may have changed threads before
}

// beside is how many threads run goroutines beside main's.
func beside() int {
	n, _ := runtime.ThreadCreateProfile(nil)
	if n -= 2; hasMaker {
		n--
	}
	return n
}
