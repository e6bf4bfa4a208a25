package ipc

import (
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// children are what the test binary does when it is started as a child.
var children = map[string]func() int{
	"exit-0":       func() int { return 0 },
	"exit-70":      func() int { return 70 },
	"exit-201":     func() int { return 201 },
	"panic":        func() int { panic("as a handler may") },
	"killed":       func() int { unix.Kill(os.Getpid(), unix.SIGKILL); select {} },
	"terminated":   func() int { unix.Kill(os.Getpid(), unix.SIGTERM); select {} },
	"waits":        func() int { os.Stdin.Read(make([]byte, 1)); return 0 },
	"uses-the-cpu": useCPU,
}

func TestMain(m *testing.M) {
	if child, ok := children[os.Getenv("BROOD_TEST_CHILD")]; ok {
		os.Exit(child())
	}
	os.Exit(m.Run())
}

// usedCPU and usedRSS are what the child uses at least.
const (
	usedCPU = 20 * time.Millisecond
	usedRSS = 32 << 10 // KiB
)

func useCPU() int {
	pages := make([]byte, usedRSS<<10)
	for {
		for i := 0; i < len(pages); i += 4096 {
			pages[i]++
		}
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			return 1
		}
		if time.Duration(u.Utime.Nano()+u.Stime.Nano()) >= usedCPU {
			return 0
		}
	}
}

// startChild returns a running child, and the descriptor whose closing ends the
// one that waits.
func startChild(t *testing.T, name string) (pid, pidfd, stdin int) {
	t.Helper()
	var in [2]int
	if err := unix.Pipe2(in[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(in[0])
	pid, err := syscall.ForkExec("/proc/self/exe", []string{name}, &syscall.ProcAttr{
		// The race detector's exit waits a second for reports of others unless told not to.
		Env:   append(os.Environ(), "BROOD_TEST_CHILD="+name, "GORACE=atexit_sleep_ms=0"),
		Files: []uintptr{uintptr(in[0])},
		Sys:   &syscall.SysProcAttr{PidFD: &pidfd},
	})
	if err != nil {
		unix.Close(in[1])
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pidfd) })
	return pid, pidfd, in[1]
}

// waitFor returns when fd is readable; of a pidfd, when its process has ended.
func waitFor(t *testing.T, fd int) {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 60_000)
		switch {
		case err == unix.EINTR:
		case err != nil || n == 0:
			t.Fatalf("waiting for descriptor %d: %d, %v", fd, n, err)
		default:
			return
		}
	}
}

// descriptors returns how many this process has. Only tests that are not
// parallel can compare two such numbers.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// closing closes descriptors at the test's end.
func closing(t *testing.T, fds ...int) {
	t.Cleanup(func() { closeAll(fds) })
}

func descriptorFlags(t *testing.T, fd int) (cloexec, nonblock bool) {
	t.Helper()
	fdFlags, err1 := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	flFlags, err2 := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err1 != nil || err2 != nil {
		t.Fatalf("flags of descriptor %d: %v, %v", fd, err1, err2)
	}
	return fdFlags&unix.FD_CLOEXEC != 0, flFlags&unix.O_NONBLOCK != 0
}
