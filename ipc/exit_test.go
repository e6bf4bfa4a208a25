package ipc

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReapTellsHowAChildEnded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		child, text string
		code        ExitCode
		signal      unix.Signal
	}{
		{"exit-0", "exit 0", ExitOK, 0},
		{"exit-70", "exit 70 (broken job or descriptor)", ExitContract, 0},
		{"exit-201", "exit 201", 201, 0},
		{"panic", "exit 2 (panic)", ExitPanic, 0},
		{"killed", "killed by SIGKILL", 0, unix.SIGKILL},
		{"terminated", "killed by SIGTERM", 0, unix.SIGTERM},
	} {
		t.Run(tt.child, func(t *testing.T) {
			t.Parallel()
			pid, pidfd, stdin := startChild(t, tt.child)
			closing(t, stdin)
			waitFor(t, pidfd)
			exit, done, err := Reap(pid)
			if err != nil || !done || exit.Code != tt.code || exit.Signal != tt.signal || exit.String() != tt.text {
				t.Errorf("Reap: %+v (%v), %v, %v; want code %d, signal %d (%s)", exit, exit, done, err, tt.code, tt.signal, tt.text)
			}
			if _, done, err := Reap(pid); done || !errors.Is(err, unix.ECHILD) {
				t.Errorf("a second Reap: %v, %v; want %v", done, err, unix.ECHILD)
			}
		})
	}
}

func TestReapDoesNotWait(t *testing.T) {
	t.Parallel()
	pid, pidfd, stdin := startChild(t, "waits")
	if exit, done, err := Reap(pid); err != nil || done || exit != (Exit{}) {
		t.Errorf("Reap of a child that runs: %+v, %v, %v; want it not done", exit, done, err)
	}
	unix.Close(stdin)
	waitFor(t, pidfd)
	if exit, done, err := Reap(pid); err != nil || !done || exit.Code != ExitOK {
		t.Errorf("Reap of a child that ended: %+v, %v, %v; want exit 0", exit, done, err)
	}
}

func TestReapTellsWhatALifeCost(t *testing.T) {
	t.Parallel()
	pid, pidfd, stdin := startChild(t, "uses-the-cpu")
	closing(t, stdin)
	waitFor(t, pidfd)
	if exit, done, err := Reap(pid); err != nil || !done || exit.CPU < usedCPU || exit.MaxRSS < usedRSS {
		t.Errorf("Reap: %+v, %v, %v; want at least %v and %d KiB", exit, done, err, usedCPU, usedRSS)
	}
}

func TestKillEndsAChildAndNobodyElse(t *testing.T) {
	t.Parallel()
	pid, pidfd, stdin := startChild(t, "waits")
	closing(t, stdin)
	if err := Kill(pidfd, unix.SIGKILL); err != nil {
		t.Errorf("Kill of a child that runs: %v", err)
	}
	waitFor(t, pidfd)
	if err := Kill(pidfd, unix.SIGKILL); err != nil {
		t.Errorf("Kill of a child that is not reaped: %v", err)
	}
	if exit, done, err := Reap(pid); err != nil || !done || exit.Signal != unix.SIGKILL {
		t.Errorf("Reap: %+v, %v, %v; want %v", exit, done, err, unix.SIGKILL)
	}
	if err := Kill(pidfd, unix.SIGKILL); err != nil {
		t.Errorf("Kill of a child that is reaped: %v", err)
	}
	if err := Kill(-1, unix.SIGKILL); !errors.Is(err, unix.EBADF) {
		t.Errorf("Kill without a pidfd: %v, want %v", err, unix.EBADF)
	}
}
