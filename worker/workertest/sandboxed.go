package workertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/launch"
	"brood/ipc/sandbox"
	"brood/protocol"
	"brood/worker"
)

// Sandbox is what GetSandboxed runs a handler in, as supervisor.Options has it.
type Sandbox struct {
	Level     worker.SandboxLevel
	ReadPaths []string // absolute
	Config    []byte   // for the handler's constructor
}

// addressSpace is the default of supervisor.Options.MaxAddressSpace.
const addressSpace = 4 << 30

// GetSandboxed is Get with the handler in a worker process of its own, in the
// sandbox of a server, so that a test sees what that refuses: the response's
// Detail then names the level that would allow it. The worker's user is the
// test's own.
//
// The test's executable is the worker's, too, so its TestMain begins as a
// server's main does:
//
//	func TestMain(m *testing.M) {
//		if code, ok := worker.Dispatch(newHandler, worker.Options{}); ok {
//			os.Exit(code)
//		}
//		os.Exit(m.Run())
//	}
//
// A worker that dies gives what a server gives then: Err is an ERROR of the
// supervisor's, and Detail says how it died, with what it wrote last. The test
// fails if the kernel can't give all of the level, or the worker does not start.
func GetSandboxed(t testing.TB, in Sandbox, file string, options ...protocol.Option) *Response {
	t.Helper()
	if os.Getenv(ipc.RoleEnv) == ipc.RoleWorker {
		t.Fatal("workertest: this process was started as a worker, but TestMain does not begin with worker.Dispatch")
	}
	abi, filter := sandbox.Probe()
	if missing := sandbox.Missing(in.Level, abi, filter); missing != nil {
		t.Fatalf("workertest: this kernel can't give all of level %v: %s", in.Level, strings.Join(missing, "; "))
	}
	p := newPair(t)
	defer p.close()
	w, err := startWorker(launch.Spec{
		Config:    in.Config,
		Sandbox:   sandbox.Terms{Level: in.Level, AddressSpace: addressSpace, Filter: sandbox.Assemble(in.Level)},
		ReadPaths: in.ReadPaths,
		ABI:       abi,
	})
	if err != nil {
		t.Fatalf("workertest: %v", err)
	}
	if _, err := w.frame(ipc.KindReady); err != nil {
		t.Fatalf("workertest: %v; does TestMain begin with worker.Dispatch?", w.end(err))
	}
	client := &Client{Options: options}
	j := job(client, p.peer, p.local, file)
	j.Last = true
	message, err := j.Encode()
	if err == nil {
		err = ipc.SendJob(w.Control, message, p.socket)
	}
	if err != nil {
		t.Fatalf("workertest: %v", w.end(err))
	}

	// A worker that dies leaves its client waiting; here that is told at once.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var final *ipc.Frame
	var died error
	done := make(chan struct{})
	go func() {
		defer close(done)
		if final, died = w.frame(ipc.KindFinal); died != nil {
			died = w.end(died)
			cancel()
		} else {
			w.end(nil)
		}
	}()
	var content bytes.Buffer
	result, err := client.GetFrom(ctx, p.conn, p.local, file, &content)
	<-done
	r := &Response{Content: content.Bytes(), OACK: result.OACK}
	if died != nil {
		r.Err, r.Detail = &protocol.Error{Message: "Server process failed"}, died.Error()
		return r
	}
	r.Detail = final.Detail
	if err != nil && !errors.As(err, &r.Err) {
		t.Fatalf("workertest: %v (%s)", err, r.Detail)
	}
	return r
}

// startPatience bounds the wait for a worker's word. It is not an expectation.
const startPatience = time.Minute

// process is a worker, and what it has said.
type process struct {
	launch.Child
	frames ipc.FrameReader
	queue  []ipc.Frame
	stderr chan []byte
}

func startWorker(s launch.Spec) (*process, error) {
	l, err := launch.New(s)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	w := &process{stderr: make(chan []byte, 1)}
	done := make(chan struct{})
	launch.OnOwnThread(func() {
		defer close(done)
		if err = l.Enter(); err == nil {
			w.Child, err = l.Start()
		}
	})
	<-done
	if err != nil {
		return nil, err
	}
	said := os.NewFile(uintptr(w.Stderr), "worker's stderr")
	w.Stderr = -1
	go func() {
		b, _ := io.ReadAll(io.LimitReader(said, 16<<10))
		w.stderr <- b
		io.Copy(io.Discard, said)
		said.Close()
	}()
	return w, nil
}

// frame waits for the next frame of a kind.
func (w *process) frame(kind ipc.Kind) (*ipc.Frame, error) {
	for end := time.Now().Add(startPatience); ; {
		for len(w.queue) > 0 {
			f := w.queue[0]
			if w.queue = w.queue[1:]; f.Kind == kind {
				return &f, nil
			}
		}
		left := time.Until(end)
		if left <= 0 {
			return nil, fmt.Errorf("the worker said nothing for %v", startPatience)
		}
		ready := []unix.PollFd{{Fd: int32(w.Stats), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, int(left.Milliseconds())+1); err != nil && !errors.Is(err, unix.EINTR) {
			return nil, err
		}
		var b [ipc.MaxFrame]byte
		switch n, err := unix.Read(w.Stats, b[:]); {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		case err != nil:
			return nil, err
		case n == 0:
			return nil, errors.New("the worker ended")
		default:
			if err := w.frames.Feed(b[:n], func(f ipc.Frame) { w.queue = append(w.queue, f) }); err != nil {
				return nil, err
			}
		}
	}
}

// end reaps the worker and adds to err, if there is one, what it died of.
func (w *process) end(err error) error {
	if err != nil {
		ipc.Kill(w.PIDFD, unix.SIGKILL)
	}
	unix.Poll([]unix.PollFd{{Fd: int32(w.PIDFD), Events: unix.POLLIN}}, int(startPatience.Milliseconds()))
	exit, _, reaping := ipc.Reap(w.PID)
	w.Close()
	if err == nil {
		return reaping
	}
	return fmt.Errorf("%w: %v\n%s", err, exit, <-w.stderr)
}
