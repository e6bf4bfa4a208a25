package integration

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/supervisor"
	"brood/test/harness"
	"brood/worker"
)

const (
	serverEnv   = "BROOD_TEST_SERVER"
	openTimeout = time.Second
)

// runServer is a user's server: what the README shows, with flags left out.
func runServer() int {
	o := supervisor.Options{Config: []byte(os.Getenv(serverEnv)), MinIdle: 4}
	switch os.Getenv(serverEnv) {
	case "programs":
		o.Sandbox = supervisor.SandboxExec
	case "impatient":
		o.StallTimeout = 2 * time.Second
	}
	if harness.Race() {
		o.Sandbox = supervisor.SandboxOff // the detector reads /proc and has terabytes of address space
	}
	return harness.Run(o)
}

// startMisbehaving starts it.
func startMisbehaving(t *testing.T) *harness.Server {
	t.Helper()
	return harness.Start(t, command(t, "ok"))
}

func command(t *testing.T, config string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(harness.Self(t))
	cmd.Env = append(os.Environ(), serverEnv+"="+config)
	return cmd
}

// newMisbehaving returns a handler that does what the file's name says. A name
// "good-..." gets goodContent.
func newMisbehaving(config []byte) (worker.Handler, error) {
	switch string(config) {
	case "refuse":
		return nil, errors.New("the configuration is no good")
	case "die":
		unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGKILL)
	}
	return worker.HandlerFunc(misbehave), nil
}

func misbehave(_ context.Context, req *worker.Request) (worker.Response, error) {
	if name, far := strings.CutPrefix(req.File, "far-"); far { // beyond what is read ahead: the client has acknowledged some
		return &lateResponse{Response: worker.Bytes(make([]byte, 8<<20)), what: name, after: 4 << 20}, nil
	}
	name, late := strings.CutPrefix(req.File, "late-")
	if late {
		resp := &lateResponse{Response: worker.Bytes(goodContent(req.File)), what: name, after: goodSize / 2}
		if name, ok := strings.CutPrefix(name, "at-"); ok {
			resp.what = name
			return &lateResponseAt{resp}, nil
		}
		return resp, nil
	}
	if strings.HasPrefix(name, "good-") {
		return worker.Bytes(goodContent(name)), nil
	}
	return nil, fault(name)
}

// fault does one thing that a handler should not.
func fault(name string) error {
	switch name {
	case "panic":
		panic("the handler broke")
	case "loop":
		for n := 0; ; n++ {
		}
	case "exit":
		os.Exit(3)
	case "exit-0":
		os.Exit(0)
	case "kill":
		unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGKILL)
		select {}
	case "garbage":
		unix.Write(ipc.Stats, []byte("\x00\x06\xdd\x7f\xff\xff\xff\xff"))
		select {}
	case "flood":
		for {
			f := ipc.Frame{Kind: ipc.KindProgress, Session: bystanders + 1} // its own, as the test knows
			b, _ := f.Append(nil)
			unix.Write(ipc.Stats, b)
		}
	case "forge":
		f := ipc.Frame{Kind: ipc.KindFinal, Session: 999999, Outcome: ipc.OutcomeComplete}
		b, _ := f.Append(nil)
		unix.Write(ipc.Stats, b)
		select {}
	case "talk-much":
		for n := range 70 {
			fmt.Fprintln(os.Stderr, "line", n)
		}
		fmt.Fprintln(os.Stderr, "SIGNED image accepted\nand all is well")
	case "talk":
		fmt.Fprintln(os.Stderr, "a line for the log")
	case "hang":
		signal.Ignore(syscall.SIGTERM)
		fmt.Fprintln(os.Stderr, "hanging")
		for {
			time.Sleep(time.Hour)
		}
	case "shout":
		for {
			os.Stderr.WriteString(strings.Repeat("all work and no play ", 40) + "\n")
		}
	case "orphan": // the shell and what it leaves running outlive the worker
		_, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", "sleep 0.2 & sleep 0.1"}, &syscall.ProcAttr{Env: []string{"PATH=/bin"}})
		return err
	case "close-all":
		for fd := range 16 {
			unix.Close(fd)
		}
		select {}
	}
	return fs.ErrNotExist
}

// lateResponse does it when so many bytes of the content have been read.
type lateResponse struct {
	worker.Response
	what  string
	after int
	read  int
}

func (r *lateResponse) Read(p []byte) (int, error) {
	if r.read > r.after {
		if err := fault(r.what); err != nil {
			return 0, err
		}
	}
	n, err := r.Response.Read(p)
	r.read += n
	return n, err
}

// lateResponseAt promises that reading it does not wait, so the session reads it
// itself.
type lateResponseAt struct{ *lateResponse }

func (r *lateResponseAt) ReadAt([]byte, int64) (int, error) {
	panic("a session reads from start to end")
}

const goodSize = 300_000

// goodContent is what a "good-..." name stands for.
func goodContent(name string) []byte {
	b := make([]byte, goodSize)
	rand.NewChaCha8(sha256.Sum256([]byte(name))).Read(b)
	return b
}
