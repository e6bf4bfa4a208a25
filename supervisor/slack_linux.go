package supervisor

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// timerSlack is how late the timers of a supervisor may be. The Go runtime's monitor
// thread sleeps for 20 µs at a time while its process is at work, and takes the
// processor away from each system call that it finds twice, such as a fork: a quarter
// of the supervisor's CPU time. More than this is dearer than what it saves, since
// the runtime's other threads also wait a few microseconds for each other now and
// then, and the loop with them: with 50 ms clients waited that long.
const timerSlack = time.Millisecond

// RelaxTimers lets the timers of this process be a millisecond late, in place of
// the kernel's 50 µs: it takes a quarter off the supervisor's own CPU time, and nothing
// here is timed more finely. Since the runtime's threads have it from when they were
// made, the process executes itself anew, with its arguments and its environment, and
// RelaxTimers does not return the first time. A program calls it as soon as it is
// known to be a server, before it opens anything. One that is started with such timers
// already (TimerSlackNSec= in a systemd unit) or with a realtime priority goes on at
// once. An error says why timers stay as they are; that costs CPU time and nothing else.
func RelaxTimers() error {
	runtime.LockOSThread() // it is this thread's that the new image begins with
	defer runtime.UnlockOSThread()
	slack := func() (int, error) { return unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0) }
	wanted := int(timerSlack.Nanoseconds())
	before, err := slack()
	if err != nil || before >= wanted {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(wanted), 0, 0, 0); err != nil {
		return fmt.Errorf("timer slack: %w", err)
	}
	if has, err := slack(); err != nil || has < wanted { // realtime: it has none, and would execute itself for ever
		return err
	}
	path, err := os.Executable() // not the link of /proc: its name would be what pgrep and top show
	if err == nil {
		err = unix.Exec(path, os.Args, os.Environ())
	}
	unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(before), 0, 0, 0)
	return fmt.Errorf("executing this program anew: %w", err)
}
