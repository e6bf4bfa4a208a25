package exec

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// A process is a program that was started, with our ends of its pipes: they don't
// block, and -1 is one that was closed. It leads a process group of its own.
type process struct {
	pid, pidfd    int
	in, out, diag int
	guard         *guard
}

// start starts a program. Until it was reaped, the calling goroutine must stay
// locked to its thread: the kernel kills the program when that thread ends.
//
// os/exec would do it with goroutines that copy and one that waits, and be a part
// of every worker's start. All that is to be done here one thread can do.
func start(command, env []string) (_ *process, err error) {
	p := &process{pidfd: -1, in: -1, out: -1, diag: -1}
	theirs := [3]int{-1, -1, -1}
	defer func() {
		for _, fd := range theirs {
			ipc.CloseFD(fd)
		}
		if err != nil {
			p.close()
		}
	}()
	for i, ours := range [...]*int{&p.in, &p.out, &p.diag} {
		var ends [2]int
		if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
			return nil, err
		}
		*ours, theirs[i] = ends[0], ends[1]
		if i == 0 { // which the program reads
			*ours, theirs[i] = ends[1], ends[0]
		}
		if err := unix.SetNonblock(*ours, true); err != nil {
			return nil, err
		}
	}
	attr := &syscall.ProcAttr{
		Dir:   "/",
		Env:   env,
		Files: []uintptr{uintptr(theirs[0]), uintptr(theirs[1]), uintptr(theirs[2])},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, PidFD: &p.pidfd},
	}
	withSIGPIPE(func() { p.pid, err = syscall.ForkExec(command[0], command, attr) })
	if err != nil {
		return nil, err
	}
	if p.guard, err = newGuard(p.pid); err != nil {
		p.kill()
		p.reap()
	}
	return p, err
}

// kill kills the program and its process group. It must not have been reaped:
// its number may be another's then.
func (p *process) kill() {
	unix.Kill(-p.pid, unix.SIGKILL)
	unix.Kill(p.pid, unix.SIGKILL) // which may have moved to another group
}

// reap waits for the program's end.
func (p *process) reap() (ended syscall.WaitStatus, err error) {
	for {
		_, err = syscall.Wait4(p.pid, &ended, 0, nil)
		if !errors.Is(err, unix.EINTR) {
			return ended, err
		}
	}
}

func (p *process) close() {
	for _, fd := range []*int{&p.pidfd, &p.in, &p.out, &p.diag} {
		ipc.CloseFD(*fd)
		*fd = -1
	}
	if p.guard != nil {
		p.guard.close()
	}
}
