package launch

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/sandbox"
)

// image is what workers execute. The link names the very file that this process
// runs, also after an upgrade has put another one in its place.
const image = "/proc/self/exe"

// Spec says how the workers of one generation are born.
type Spec struct {
	Config []byte              // handed to the handler's constructor as it stands
	User   *syscall.Credential // nil: the starter's own

	Sandbox   sandbox.Terms
	ReadPaths []string // what a worker may open; see sandbox.Rules
	ABI       int      // of Landlock; 0: none is used

	Helper bool // workers may ask one

	Group *os.File // the control group that they are born into, the caller's; nil: the starter's
}

// Launch is what every worker of one generation is started with. Its methods are
// for one thread at a time.
type Launch struct {
	spec   Spec
	config int // sealed memfd
	null   int // /dev/null, where there is one
	domain *sandbox.Domain
	env    []string
}

// Child is a started process and its parent's ends of its descriptors, which
// are whoever's was given it. A number below 0 is none.
type Child struct {
	PID, PIDFD             int
	Control, Stats, Stderr int
	Helper                 int // the other end of a worker's, see ipc.Knocked; of a helper's ipc.Door
}

// None is a Child without any descriptor.
var None = Child{PIDFD: -1, Control: -1, Stats: -1, Stderr: -1, Helper: -1}

// New opens what s names, with the rights of the moment; Close gives it back.
func New(s Spec) (*Launch, error) {
	l := &Launch{spec: s, config: -1, null: -1, env: []string{
		ipc.RoleEnv + "=" + ipc.RoleWorker,
		"GOMAXPROCS=1", // one session: a second processor would only add wake-ups
		// A worker has no use for the room that each thread has for a profiler's stacks,
		// 2 KiB. One frame of it has to be there: without any the runtime's execution
		// tracer writes past its end.
		"GODEBUG=profstackdepth=1",
	}}
	if s.Sandbox.Level == sandbox.Exec { // what a login has; shells and exec.LookPath go by it
		l.env = append(l.env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	}
	if s.Helper {
		l.env = append(l.env, ipc.HelperEnv+"=1")
	}
	err := l.open()
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Launch) open() (err error) {
	l.null, err = unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		l.null, err = ipc.SealConfig(nil) // in a bare chroot; it is as empty
	}
	if err != nil {
		return fmt.Errorf("opening %s: %w", os.DevNull, err)
	}
	if l.config, err = ipc.SealConfig(append(l.spec.Sandbox.Append(nil), l.spec.Config...)); err != nil {
		return err
	}
	return l.Renew()
}

// Moved says whether a path that workers may read leads elsewhere by now.
func (l *Launch) Moved() bool { return l.domain != nil && l.domain.Moved() }

// Unseen are the paths of workers whose replacement this process would not see.
func (l *Launch) Unseen() []string {
	if l.domain == nil {
		return nil
	}
	return l.domain.Unseen()
}

// Renew looks again where the paths lead that workers may read. It is for the
// next thread that enters: one that has entered keeps what it has.
func (l *Launch) Renew() error {
	if l.spec.ABI == 0 || l.spec.Sandbox.Level == sandbox.Off {
		return nil
	}
	domain, err := sandbox.NewDomain(l.spec.Sandbox.Level, l.spec.ABI,
		sandbox.Rules(l.spec.Sandbox.Level, l.spec.ReadPaths, image), l.domain)
	if err != nil {
		return err
	}
	if l.domain != nil {
		l.domain.Close()
	}
	l.domain = domain
	return nil
}

// timerSlack is how late the timers of a worker may be that is born; it leaves that to
// the Go runtime's monitor alone (worker.allAsUsual). That thread sleeps for 20 µs at a
// time while its process is at work, and takes the processor away from each system call
// that it finds twice, although there is nobody else to have it; with several workers to a
// CPU that cost more than their sessions.
const timerSlack = 100 * time.Millisecond

// Enter sets on the calling thread, for good, what every child of it inherits;
// see OnOwnThread.
func (l *Launch) Enter() error {
	Relax()
	if err := Deprive(); err != nil {
		return err
	}
	if l.domain == nil {
		return nil
	}
	return l.domain.Enter()
}

// Relax gives what the calling thread starts timers that are timerSlack late, and has it
// yield: when it wakes up it does not take the CPU from who runs, such as a worker that
// serves, but waits for its turn (SCHED_BATCH, sched(7)). A nice value would say more, and
// could not be taken back without CAP_SYS_NICE. Where there are no such calls all is as
// usual, and so is the policy of a server that was given another one than the usual.
func Relax() {
	unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack.Nanoseconds()), 0, 0, 0)
	if a, err := unix.SchedGetAttr(0, 0); err == nil && a.Policy == unix.SCHED_NORMAL {
		a.Policy = unix.SCHED_BATCH
		unix.SchedSetAttr(0, a, 0)
	}
}

// Deprive keeps every program that the calling thread starts from gaining rights by
// its execution, for good, and from inheriting capabilities; see OnOwnThread.
func Deprive() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	return inheritNoCapability()
}

// inheritNoCapability empties the calling thread's inheritable set, and with it
// the ambient one, which would outlive the exec: service managers and container
// runtimes fill both. What the thread itself may do stays.
func inheritNoCapability() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	data[0].Inheritable, data[1].Inheritable = 0, 0
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("emptying the inheritable capabilities: %w", err)
	}
	return nil
}

// Start forks one worker, on a thread that has entered.
func (l *Launch) Start() (c Child, err error) {
	c = None
	theirs := []int{l.null, l.null, -1, -1, -1, l.config}
	defer func() {
		theirs[ipc.Config] = -1 // it is for all of them
		for _, fd := range theirs[2:] {
			ipc.CloseFD(fd)
		}
		if err != nil {
			c.Close()
		}
	}()
	if c.Control, theirs[ipc.Control], err = ipc.SocketPair(); err != nil {
		return c, err
	}
	if c.Stats, theirs[ipc.Stats], err = ipc.StatsPipe(); err != nil {
		return c, err
	}
	if c.Stderr, theirs[2], err = ipc.StderrPipe(); err != nil {
		return c, err
	}
	theirs[1] = theirs[2]
	if l.spec.Helper {
		theirs = append(theirs, -1)
		if c.Helper, theirs[ipc.Helper], err = ipc.HelperPair(); err != nil {
			return c, err
		}
	}

	files := make([]uintptr, len(theirs))
	for i, fd := range theirs {
		files[i] = uintptr(fd)
	}
	sys := &syscall.SysProcAttr{
		Credential: l.spec.User,
		Setsid:     true, // Ctrl-C at a terminal is for the supervisor, which then drains
		PidFD:      &c.PIDFD,
	}
	if l.spec.Group != nil { // to be moved there later would cost more than the whole start
		sys.UseCgroupFD, sys.CgroupFD = true, int(l.spec.Group.Fd())
	}
	c.PID, err = syscall.ForkExec(image, ipc.WorkerArgs(), &syscall.ProcAttr{Dir: "/", Env: l.env, Files: files, Sys: sys})
	if err != nil {
		return c, fmt.Errorf("starting a worker: %w%s", err, l.hint(err))
	}
	return c, nil
}

func (l *Launch) hint(err error) string {
	switch {
	case l.spec.Group != nil && (errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.E2BIG)):
		return " (in a control group of its own: clone3 is not there before Linux 5.7, nor where a filter hides it, such as RestrictNamespaces=yes in a systemd unit, or a container's)"
	case l.spec.Group != nil && errors.Is(err, unix.EACCES):
		return " (the workers' user must be allowed to execute this program, chmod o+x; and the supervisor's to write to cgroup.procs of the workers' control group and of the one above it)"
	case errors.Is(err, unix.ENOENT):
		return " (is /proc mounted?)"
	case errors.Is(err, unix.EACCES):
		return " (the workers' user must be allowed to execute this program: chmod o+x)"
	case errors.Is(err, unix.EPERM):
		return " (changing to the workers' user needs CAP_SETUID and CAP_SETGID)"
	}
	return ""
}

// Close gives back what New opened. Workers that were started keep theirs.
func (l *Launch) Close() {
	ipc.CloseFD(l.config)
	ipc.CloseFD(l.null)
	if l.domain != nil {
		l.domain.Close()
	}
}

// Close closes the descriptors. The process goes on, and must be reaped.
func (c *Child) Close() {
	for _, fd := range []*int{&c.Control, &c.Stats, &c.Stderr, &c.Helper, &c.PIDFD} {
		ipc.CloseFD(*fd)
		*fd = -1
	}
}
