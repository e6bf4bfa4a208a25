package worker_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/sandbox"
	"brood/protocol"
	"brood/worker"
)

// children are what the test binary does when it is started as a child. All but
// one are workers; they differ in their handlers.
var children = map[string]func() int{
	"serves its configuration": dispatch(func(config []byte) (worker.Handler, error) { return servesBytes(config), nil }),
	"finds nothing":            dispatch(func([]byte) (worker.Handler, error) { return fails(fs.ErrNotExist), nil }),
	"refuses": dispatch(func(config []byte) (worker.Handler, error) {
		return nil, fmt.Errorf("root %q: no such directory", config)
	}),
	"makes no handler":       dispatch(func([]byte) (worker.Handler, error) { return nil, nil }),
	"panics when configured": dispatch(func([]byte) (worker.Handler, error) { panic("bad configuration") }),
	"panics": dispatch(func([]byte) (worker.Handler, error) {
		return serves(func() (worker.Response, error) { panic("bad request") }), nil
	}),
	"loops": dispatch(func([]byte) (worker.Handler, error) {
		return serves(func() (worker.Response, error) {
			//lint:ignore SA5002 a handler that never ends is the point
			for {
			}
		}), nil
	}),
	"talks": dispatch(func(config []byte) (worker.Handler, error) {
		return serves(func() (worker.Response, error) {
			return &stream{Reader: talker{bytes.NewReader(config)}, size: -1}, nil
		}), nil
	}),
	"lists its descriptors": dispatch(func([]byte) (worker.Handler, error) {
		return serves(func() (worker.Response, error) { return worker.Bytes(listDescriptors()), nil }), nil
	}),
	"does what it is told": dispatch(newWanton),
	"knows its role": func() int {
		code, ok := worker.Dispatch(nil, worker.Options{})
		fmt.Println(code, ok)
		return 0
	},
}

// dispatch returns the main function of a worker. Handlers have a short deadline;
// only those that outlive it see it.
func dispatch(newHandler func([]byte) (worker.Handler, error)) func() int {
	return func() int {
		code, ok := worker.Dispatch(newHandler, worker.Options{OpenTimeout: openTimeout()})
		if !ok {
			fmt.Fprintln(os.Stderr, "Dispatch did not take this process for a worker")
			return 99
		}
		return code
	}
}

func openTimeout() time.Duration {
	d, err := time.ParseDuration(os.Getenv("BROOD_TEST_OPEN_TIMEOUT"))
	if err != nil {
		return time.Minute
	}
	return d
}

// talker writes to standard output and standard error for each block.
type talker struct{ r io.Reader }

func (k talker) Read(p []byte) (int, error) {
	fmt.Println("a line")
	fmt.Fprintln(os.Stderr, "another line")
	return k.r.Read(p[:min(len(p), 512)])
}

// listDescriptors returns a line "number close-on-exec kind" for each.
func listDescriptors() []byte {
	var b bytes.Buffer
	for fd := range 64 {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil {
			continue
		}
		kind, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
		if typ, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err == nil && typ == unix.SOCK_DGRAM {
			kind = "udp"
		}
		fmt.Fprintln(&b, fd, flags&unix.FD_CLOEXEC != 0, strings.ReplaceAll(kind, " ", "-"))
	}
	return b.Bytes()
}

func TestAWorkerServesOneJob(t *testing.T) {
	t.Parallel()
	config := string(text(1500))
	w := startWorker(t, "serves its configuration", config)
	w.expectReady()
	c := newPeer(t)
	job := c.job()
	job.Session, job.Confirm = 1<<40, true
	w.hand(c, job)
	if got := c.fetch(); string(got) != config {
		t.Errorf("fetched %d bytes, want the configuration's %d", len(got), len(config))
	}
	if f, ok := w.frame(); !ok || f.Kind != ipc.KindProgress || f.Session != job.Session || f.Packets != 1 || f.Bytes != 0 {
		t.Errorf("%+v, %v; want word of the first packet", f, ok)
	}
	if f, ok := w.frame(); !ok || f.Kind != ipc.KindConfirmed || f.Session != job.Session {
		t.Errorf("%+v, %v; want word of the first ACK", f, ok)
	}
	f := w.expectFinal()
	if f.Session != job.Session || f.Outcome != ipc.OutcomeComplete || f.Bytes != 1500 || once(f).Packets != 3 {
		t.Errorf("%+v; want session %d complete with 1500 bytes", f, job.Session)
	}
	w.expectExit(ipc.ExitOK)
}

func TestARefusalIsAGoodEndForAWorker(t *testing.T) {
	t.Parallel()
	w := startWorker(t, "finds nothing", "")
	c := newPeer(t)
	w.hand(c, c.job()) // it need not be ready: the job waits
	c.expectError(protocol.CodeNotFound, "File not found")
	w.expectReady()
	if f := w.expectFinal(); f.Outcome != ipc.OutcomeRefused || f.Detail != "file does not exist" {
		t.Errorf("%+v; want %v", f, ipc.OutcomeRefused)
	}
	w.expectExit(ipc.ExitOK)
}

func TestAnIdleWorkerEndsWithItsSupervisor(t *testing.T) {
	t.Parallel()
	w := startWorker(t, "serves its configuration", "x")
	w.expectReady()
	w.hangUp()
	if f, ok := w.frame(); ok {
		t.Errorf("a frame of a worker without a job: %+v", f)
	}
	w.expectExit(ipc.ExitOK)
}

func TestAWorkerThatCannotBeConfiguredSaysWhy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		child string
		code  ipc.ExitCode
		said  []string
	}{
		{"refuses", ipc.ExitConfig, []string{`root "/srv": no such directory` + "\n"}},
		{"makes no handler", ipc.ExitConfig, []string{"the constructor returned neither a handler nor an error\n"}},
		{"panics when configured", ipc.ExitPanic, []string{"panic: bad configuration", "dispatch_test.go"}},
	} {
		t.Run(tt.child, func(t *testing.T) {
			t.Parallel()
			w := startWorker(t, tt.child, "/srv")
			if f, ok := w.frame(); ok {
				t.Errorf("a frame of a worker that was not configured: %+v", f)
			}
			w.expectExit(tt.code, tt.said...)
		})
	}
}

// TestAUserWhoSetsTheRoleIsTold, and nothing is written into what the shell left open.
func TestAUserWhoSetsTheRoleIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, tt := range []struct {
		name  string
		files int
	}{{"no descriptors", 0}, {"other files", 3}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var files []int
			name := filepath.Join(dir, strconv.Itoa(tt.files))
			for range tt.files {
				fd, err := unix.Open(name, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
				if err != nil {
					t.Fatal(err)
				}
				files = append(files, fd)
			}
			startProcess(t, "serves its configuration", nil, files...).expectExit(ipc.ExitContract, ipc.RoleEnv+"="+ipc.RoleWorker, "unset it")
			if b, err := os.ReadFile(name); tt.files > 0 && (err != nil || len(b) != 0) {
				t.Errorf("%q, %v was written into a file of the user's", b, err)
			}
		})
	}
}

func TestAProcessWithoutTheRoleIsNoWorker(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"", "supervisor"} {
		w := startProcess(t, "knows its role", []string{ipc.RoleEnv + "=" + role})
		w.expectExit(ipc.ExitOK, "0 false\n")
	}
}

func TestABrokenJobEndsAWorker(t *testing.T) {
	t.Parallel()
	w := startWorker(t, "serves its configuration", "x")
	w.expectReady()
	if err := ipc.SendJob(w.control, []byte("not a job"), 0); err != nil {
		t.Fatal(err)
	}
	w.expectExit(ipc.ExitContract, ipc.ErrMalformed.Error())
}

func TestAPanicLeavesItsStackAndNoLastWord(t *testing.T) {
	t.Parallel()
	w := startWorker(t, "panics", "")
	w.expectReady()
	c := newPeer(t)
	w.hand(c, c.job())
	if f, ok := w.frame(); ok {
		t.Errorf("a frame after the panic: %+v", f)
	}
	w.expectExit(ipc.ExitPanic, "panic: bad request", "goroutine ", "dispatch_test.go")
	c.expectSilence() // it is for the supervisor to tell the client
}

// TestALoopInOpenIsAbandoned: one processor and a handler that never lets go of
// it do not keep the deadline from coming.
func TestALoopInOpenIsAbandoned(t *testing.T) {
	t.Parallel()
	w := startWorker(t, "loops", "", "BROOD_TEST_OPEN_TIMEOUT=1ms")
	w.expectReady()
	c := newPeer(t)
	job := c.job()
	w.hand(c, job)
	c.expectError(protocol.CodeUndefined, tooSlow)
	if f := w.expectFinal(); f.Session != job.Session || f.Outcome != ipc.OutcomeOpenTimeout {
		t.Errorf("%+v; want %v of session %d", f, ipc.OutcomeOpenTimeout, job.Session)
	}
	w.expectExit(ipc.ExitOpen)
	c.expectSilence()
}

// TestASessionOutlivesItsSupervisor, also when its handler goes on writing to a
// standard error that nobody reads.
func TestASessionOutlivesItsSupervisor(t *testing.T) {
	t.Parallel()
	config := string(text(3000))
	w := startWorker(t, "talks", config)
	w.expectReady()
	c := newPeer(t)
	w.hand(c, c.job())
	c.expectData(1, text(512))
	w.hangUp()
	w.stats.Close()
	w.stderr.Close()
	<-w.said
	c.ack(1)
	for block := uint16(2); block <= 5; block++ {
		c.expectData(block, text(3000)[(block-1)*512:block*512])
		c.ack(block)
	}
	c.expectData(6, text(3000)[5*512:])
	c.ack(6)
	if exit := w.ended(); exit.Code != ipc.ExitOK || exit.Signal != 0 {
		t.Errorf("%v, want %v", exit, ipc.ExitOK)
	}
}

// TestFinalStatsWaitForASupervisorThatStandsStill: the pipe is full before the
// worker starts, so it finds no room until the session is over.
func TestFinalStatsWaitForASupervisorThatStandsStill(t *testing.T) {
	t.Parallel()
	control, theirs, err1 := ipc.SocketPair()
	statsR, statsW, err2 := ipc.StatsPipe()
	fd, err3 := ipc.SealConfig(append(sandbox.Terms{Level: sandbox.Off}.Append(nil), "x"...))
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	full := 0
	for {
		b, err := (&ipc.Frame{Kind: ipc.KindProgress, Detail: "full"}).Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(statsW, b); err == unix.EAGAIN {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		full++
	}
	w := startProcess(t, "serves its configuration", nil, theirs, statsW, fd)
	w.control, w.stats = control, os.NewFile(uintptr(statsR), "stats")
	t.Cleanup(func() { w.hangUp(); w.stats.Close() })
	c := newPeer(t)
	w.hand(c, c.job())
	if got := c.fetch(); string(got) != "x" {
		t.Errorf("fetched %q", got)
	}
	w.untilItWaitsToWrite()
	for range full {
		if f, ok := w.frame(); !ok || f.Detail != "full" {
			t.Fatalf("%+v, %v; want what filled the pipe", f, ok)
		}
	}
	if f := w.expectFinal(); f.Outcome != ipc.OutcomeComplete {
		t.Errorf("%+v; want %v", f, ipc.OutcomeComplete)
	}
	w.expectExit(ipc.ExitOK)
}

// TestAProgramThatAHandlerStartsInheritsNothing of the session or the contract.
func TestAProgramThatAHandlerStartsInheritsNothing(t *testing.T) {
	t.Parallel()
	w := startWorker(t, "lists its descriptors", "x")
	c := newPeer(t)
	w.hand(c, c.job())
	sessions := 0
	for line := range strings.Lines(string(c.fetch())) {
		var fd int
		var cloexec bool
		var kind string
		if _, err := fmt.Sscan(line, &fd, &cloexec, &kind); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if kind == "udp" {
			sessions++
		}
		// The test itself may have been started with others open.
		if ours := fd == ipc.Control || fd == ipc.Stats || kind == "udp"; ours && !cloexec {
			t.Errorf("descriptor %d (%s) would be inherited", fd, kind)
		}
		if strings.Contains(kind, "brood-config") {
			t.Errorf("descriptor %d: the configuration is still open", fd)
		}
	}
	if sessions != 1 {
		t.Errorf("%d UDP sockets, want the session's alone", sessions)
	}
	w.expectFinal()
	w.expectExit(ipc.ExitOK)
}

func TestATitleSaysWhoIsServed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ file, want string }{
		{"pxelinux.0", "brood: worker 127.0.0.1 pxelinux.0"},
		{"boot/x86 64/\xff\n", `brood: worker 127.0.0.1 "boot/x86 64/\xff\n"`},
		{strings.Repeat("long/", 400), ("brood: worker 127.0.0.1 " + strings.Repeat("long/", 400))[:201]},
	} {
		w := startWorker(t, "serves its configuration", "x")
		w.expectReady()
		if got, want := w.title(), "brood: worker (idle)"; got != want {
			t.Errorf("idle: %q, want %q", got, want)
		}
		c := newPeer(t)
		job := c.job()
		job.File = tt.file
		w.hand(c, job)
		c.expectData(1, []byte("x"))
		if got := w.title(); got != tt.want {
			t.Errorf("%.40q: %q, want %q", tt.file, got, tt.want)
		}
		c.ack(1)
		w.expectExit(ipc.ExitOK)
	}
}
