package supervisor

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// image is what workers execute. The link names the very file that this process
// runs, also after an upgrade has put another one in its place.
const image = "/proc/self/exe"

// launch is what every worker of one generation is started with.
type launch struct {
	config int // sealed memfd
	null   int // /dev/null
	who    *identity
	env    []string
}

// child is a started process and the supervisor's ends of its descriptors.
type child struct {
	pid, pidfd             int
	control, stats, stderr int
}

func newLaunch(config []byte, who *identity) (*launch, error) {
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", os.DevNull, err)
	}
	fd, err := ipc.SealConfig(config)
	if err != nil {
		unix.Close(null)
		return nil, err
	}
	return &launch{config: fd, null: null, who: who, env: []string{
		ipc.RoleEnv + "=" + ipc.RoleWorker,
		"GOMAXPROCS=1", // one session: a second processor would only add wake-ups
	}}, nil
}

func (l *launch) close() {
	unix.Close(l.config)
	unix.Close(l.null)
}

// timerSlack is how late the timers of a worker may be. The Go runtime's monitor
// thread sleeps for 20 µs at a time while its process is at work, and takes the
// processor away from each system call that it finds twice; with several workers
// to a CPU that cost more than their sessions (32 clients of windowsize 8 over
// loopback: 4.8 s of CPU per GB, and 2.2 s with this). It is far below what
// timers are for here: the socket's own timeout is not among them.
const timerSlack = 5 * time.Millisecond

// mark sets on the calling thread what every child of it inherits; see onOwnThread.
func mark() error {
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack.Nanoseconds()), 0, 0, 0); err != nil {
		return fmt.Errorf("timer slack: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	// Ambient capabilities, as a service manager may have given them to us, would
	// outlive the exec. Before Linux 4.3 there are none.
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("clearing ambient capabilities: %w", err)
	}
	return nil
}

// start forks one worker, on a thread that was marked.
func (l *launch) start() (c child, err error) {
	c = child{pidfd: -1, control: -1, stats: -1, stderr: -1}
	theirs := []int{l.null, l.null, -1, -1, -1, l.config}
	defer func() {
		for _, fd := range theirs[2:5] {
			closeFD(fd)
		}
		if err != nil {
			c.close()
		}
	}()
	if c.control, theirs[ipc.Control], err = ipc.SocketPair(); err != nil {
		return c, err
	}
	if c.stats, theirs[ipc.Stats], err = ipc.StatsPipe(); err != nil {
		return c, err
	}
	if c.stderr, theirs[2], err = ipc.StderrPipe(); err != nil {
		return c, err
	}
	theirs[1] = theirs[2]

	files := make([]uintptr, len(theirs))
	for i, fd := range theirs {
		files[i] = uintptr(fd)
	}
	c.pid, err = syscall.ForkExec(image, ipc.WorkerArgs(), &syscall.ProcAttr{
		Dir:   "/",
		Env:   l.env,
		Files: files,
		Sys: &syscall.SysProcAttr{
			Credential: l.who.credential(),
			Setsid:     true, // Ctrl-C at a terminal is for the supervisor, which then drains
			PidFD:      &c.pidfd,
		},
	})
	if err != nil {
		return c, fmt.Errorf("starting a worker: %w%s", err, startHint(err))
	}
	return c, nil
}

func startHint(err error) string {
	switch {
	case errors.Is(err, unix.ENOENT):
		return " (is /proc mounted?)"
	case errors.Is(err, unix.EACCES):
		return " (the workers' user must be allowed to execute this program: chmod o+x)"
	case errors.Is(err, unix.EPERM):
		return " (changing to the workers' user needs CAP_SETUID and CAP_SETGID)"
	}
	return ""
}

func (c *child) close() {
	for _, fd := range []*int{&c.control, &c.stats, &c.stderr, &c.pidfd} {
		closeFD(*fd)
		*fd = -1
	}
}

func closeFD(fd int) {
	if fd >= 0 {
		unix.Close(fd)
	}
}

// onOwnThread runs f on an operating system thread that nothing else ever runs
// on and that ends with f. It is never the process's first thread: that one
// can't end, and would keep what f did to it.
//
// All workers of a launch are started from one such thread. A new one for each
// would be a hundred microseconds more, and where threads have run out the Go
// runtime ends the process rather than fail to make one; the fork itself fails
// with an error, and is tried again.
func onOwnThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			f()
			return // locked still: the runtime ends the thread
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread()
			f()
		}()
		<-done
		runtime.UnlockOSThread()
	}()
}
