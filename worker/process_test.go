package worker_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/sandbox"
)

// process is a worker process, and the supervisor's ends of its descriptors.
type process struct {
	t          *testing.T
	pid, pidfd int
	control    int
	stats      *os.File
	stderr     *os.File
	said       chan string // all of standard error, when it has ended
	frames     ipc.FrameReader
	got        []ipc.Frame
}

// startWorker starts the test binary as the supervisor starts a worker.
func startWorker(t *testing.T, child, config string, env ...string) *process {
	t.Helper()
	control, theirs, err1 := ipc.SocketPair()
	statsR, statsW, err2 := ipc.StatsPipe()
	fd, err3 := ipc.SealConfig(append(sandbox.Terms{Level: sandbox.Off}.Append(nil), config...))
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, child, env, theirs, statsW, fd)
	p.control, p.stats = control, os.NewFile(uintptr(statsR), "stats")
	t.Cleanup(func() { p.hangUp(); p.stats.Close() })
	return p
}

// startProcess closes the given descriptors, which are the child's from number 3 on.
func startProcess(t *testing.T, child string, env []string, files ...int) *process {
	t.Helper()
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	errR, errW, err := ipc.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	all := []uintptr{uintptr(null), uintptr(errW), uintptr(errW)}
	for _, fd := range files {
		all = append(all, uintptr(fd))
	}
	p := &process{t: t, control: -1, said: make(chan string, 1)}
	p.pid, err = syscall.ForkExec("/proc/self/exe", ipc.WorkerArgs(), &syscall.ProcAttr{
		// Of two values the first counts. The race detector's exit waits a second for
		// reports of others unless told not to.
		Env: append(env, "BROOD_TEST_CHILD="+child, "GOMAXPROCS=1", ipc.RoleEnv+"="+ipc.RoleWorker,
			"GORACE=atexit_sleep_ms=0", "GOCOVERDIR="+t.TempDir()),
		Files: all,
		Sys:   &syscall.SysProcAttr{PidFD: &p.pidfd},
	})
	for _, fd := range append(files, null, errW) {
		unix.Close(fd)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.stderr = os.NewFile(uintptr(errR), "stderr")
	go func() {
		b, _ := io.ReadAll(p.stderr)
		p.said <- string(b)
	}()
	t.Cleanup(func() {
		if ipc.Kill(p.pidfd, unix.SIGKILL) == nil {
			ipc.Reap(p.pid) // unless it was reaped, which is no matter
		}
		unix.Close(p.pidfd)
		p.stderr.Close()
	})
	return p
}

// hangUp lets the worker see the end of its control socket.
func (p *process) hangUp() {
	if p.control >= 0 {
		unix.Close(p.control)
		p.control = -1
	}
}

// frame returns the next frame, or false at the end of the stats pipe.
func (p *process) frame() (ipc.Frame, bool) {
	p.t.Helper()
	for len(p.got) == 0 {
		b := make([]byte, ipc.MaxFrame)
		n, err := p.stats.Read(b)
		if err == io.EOF {
			if p.frames.Partial() {
				p.t.Error("the stats pipe ends inside a frame")
			}
			return ipc.Frame{}, false
		}
		if err == nil {
			err = p.frames.Feed(b[:n], func(f ipc.Frame) { p.got = append(p.got, f) })
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	f := p.got[0]
	p.got = p.got[1:]
	return f, true
}

func (p *process) expectReady() {
	p.t.Helper()
	if f, ok := p.frame(); !ok || f.Kind != ipc.KindReady {
		p.t.Fatalf("first frame: %+v, %v; want it ready (%s)", f, ok, p.ended())
	}
}

// expectFinal returns the final stats, behind which no frame may come.
func (p *process) expectFinal() ipc.Frame {
	p.t.Helper()
	for {
		f, ok := p.frame()
		if !ok {
			p.t.Fatalf("the stats pipe ends without final stats (%s)", p.ended())
		}
		if f.Kind != ipc.KindFinal {
			continue
		}
		if more, ok := p.frame(); ok {
			p.t.Errorf("%+v after the final stats", more)
		}
		return f
	}
}

// hand gives a worker its last job.
func (p *process) hand(c *peer, job ipc.Job) {
	p.t.Helper()
	job.Last = true
	p.handOne(c, job)
}

// handOne gives a worker a job.
func (p *process) handOne(c *peer, job ipc.Job) {
	p.t.Helper()
	b, err := job.Encode()
	if err == nil {
		err = ipc.SendJob(p.control, b, c.socket)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	// From now on only the worker has it, so that its end is seen to be one.
	unix.Close(c.socket)
	c.socket = -1
}

// ended waits for the process and returns how it ended.
func (p *process) ended() ipc.Exit {
	p.t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(p.pidfd), Events: unix.POLLIN}}, 60_000)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			p.t.Fatalf("the worker does not end: %v", err)
		}
		exit, done, err := ipc.Reap(p.pid)
		if err != nil || !done {
			p.t.Fatalf("Reap: %v, %v", done, err)
		}
		return exit
	}
}

func (p *process) expectExit(code ipc.ExitCode, said ...string) {
	p.t.Helper()
	exit := p.ended()
	text := <-p.said
	if exit.Signal != 0 || exit.Code != code {
		p.t.Errorf("%v, want %v; it said %q", exit, code, text)
	}
	for _, part := range said {
		if !strings.Contains(text, part) {
			p.t.Errorf("it said %q, want %q in it", text, part)
		}
	}
	if len(said) == 0 && text != "" {
		p.t.Errorf("it said %q, want nothing", text)
	}
}

// untilItWaitsToWrite returns when a thread of the worker sleeps in poll(2),
// which it uses for nothing else, or when the worker has ended.
func (p *process) untilItWaitsToWrite() {
	p.t.Helper()
	polling := fmt.Sprintf("%d ", unix.SYS_PPOLL)
	ended := []unix.PollFd{{Fd: int32(p.pidfd), Events: unix.POLLIN}}
	for {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", p.pid))
		if err != nil {
			p.t.Fatal(err)
		}
		for _, thread := range threads {
			b, err := os.ReadFile(thread)
			if errors.Is(err, fs.ErrPermission) {
				return // a hardened kernel: then the test shows less
			}
			if strings.HasPrefix(string(b), polling) {
				return
			}
		}
		if n, _ := unix.Poll(ended, 0); n == 1 {
			return
		}
	}
}

// title is what ps shows.
func (p *process) title() string {
	p.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimRight(strings.ReplaceAll(string(b), "\x00", " "), " ")
}
