package ipc

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Exit is how a worker ended, and what its life cost.
type Exit struct {
	Code   ExitCode    // when Signal is 0
	Signal unix.Signal // that killed it
	CPU    time.Duration
	MaxRSS int64 // KiB
}

func (e Exit) String() string {
	if e.Signal != 0 {
		return fmt.Sprintf("killed by %s", unix.SignalName(e.Signal))
	}
	return e.Code.String()
}

// Reap collects a child whose pidfd has become readable; done is false while it
// still runs. The pid can't name another process before this returns true.
func Reap(pid int) (exit Exit, done bool, err error) {
	var status unix.WaitStatus
	var usage unix.Rusage
	for {
		got, err := unix.Wait4(pid, &status, unix.WNOHANG, &usage)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return Exit{}, false, fmt.Errorf("reaping %d: %w", pid, err)
		}
		if got == 0 {
			return Exit{}, false, nil
		}
		break
	}
	exit = Exit{
		CPU:    time.Duration(usage.Utime.Nano() + usage.Stime.Nano()),
		MaxRSS: int64(usage.Maxrss),
	}
	if status.Signaled() {
		exit.Signal = status.Signal()
	} else {
		exit.Code = ExitCode(status.ExitStatus())
	}
	return exit, true, nil
}

// Kill sends a signal by pidfd, so that it can't reach a process that was given
// the same number since. A child that has ended already is no error.
func Kill(pidfd int, signal unix.Signal) error {
	err := unix.PidfdSendSignal(pidfd, signal, nil, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}
