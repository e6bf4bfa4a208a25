package workertest_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"brood/protocol"
	"brood/worker"
	"brood/worker/workertest"
)

func TestMain(m *testing.M) {
	if code, ok := worker.Dispatch(newHandler, worker.Options{}); ok {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// newHandler returns a handler that does what the file's name says, with the
// configuration for its argument.
func newHandler(config []byte) (worker.Handler, error) {
	arg := string(config)
	return worker.HandlerFunc(func(_ context.Context, req *worker.Request) (worker.Response, error) {
		switch req.File {
		case "read":
			b, err := os.ReadFile(arg)
			return worker.Bytes(b), err
		case "dial":
			conn, err := net.Dial("udp", arg)
			if err != nil {
				return nil, err
			}
			conn.Close()
		case "run":
			b, err := exec.Command(arg, "ran").Output()
			return worker.Bytes(b), err
		case "narrow":
			if err := worker.Narrow(worker.SandboxStrict); err != nil {
				return nil, err
			}
			_, err := net.Dial("udp", arg)
			return nil, err
		case "panic":
			panic("odd")
		}
		return worker.Bytes([]byte("done")), nil
	}), nil
}

func TestGetSandboxedShowsWhatTheSandboxRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, file, arg string
		in              workertest.Sandbox
		content         string // or
		detail          string // a part of it
	}{
		{"a file of ReadPaths", "read", secret, workertest.Sandbox{ReadPaths: []string{dir}}, "content", ""},
		{"a file elsewhere", "read", secret, workertest.Sandbox{}, "", "ReadPaths"},
		{"a socket", "dial", "127.0.0.1:9", workertest.Sandbox{}, "", "level network would allow it"},
		{"a socket at level network", "dial", "127.0.0.1:9", workertest.Sandbox{Level: worker.SandboxNetwork}, "done", ""},
		{"a socket after it was given up", "narrow", "127.0.0.1:9", workertest.Sandbox{Level: worker.SandboxNetwork}, "", "level network would allow it"},
		{"a program", "run", "/bin/echo", workertest.Sandbox{}, "", "level exec would allow it"},
		{"a program at level network", "run", "/bin/echo", workertest.Sandbox{Level: worker.SandboxNetwork}, "", "level exec would allow it"},
		{"a program at level exec", "run", "/bin/echo", workertest.Sandbox{Level: worker.SandboxExec}, "ran\n", ""},
		{"anything without a sandbox", "read", secret, workertest.Sandbox{Level: worker.SandboxOff}, "content", ""},
		{"a panic", "panic", "", workertest.Sandbox{}, "", "panic: odd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.in.Config = []byte(tt.arg)
			r := workertest.GetSandboxed(t, tt.in, tt.file, protocol.Option{Name: "blksize", Value: "1428"})
			if tt.content != "" && (r.Err != nil || string(r.Content) != tt.content) {
				t.Errorf("%q, ERROR %v (%s), want %q", r.Content, r.Err, r.Detail, tt.content)
			}
			if tt.content == "" && (r.Err == nil || !strings.Contains(r.Detail, tt.detail)) {
				t.Errorf("%q, ERROR %v (%s), want a word of %q", r.Content, r.Err, r.Detail, tt.detail)
			}
		})
	}
}

func ExampleGetSandboxed() {
	_ = func(t *testing.T) { // func TestMotd(t *testing.T), with TestMain as above
		r := workertest.GetSandboxed(t, workertest.Sandbox{ReadPaths: []string{"/srv/motd"}, Config: []byte("/srv/motd")}, "motd")
		fmt.Println(string(r.Content), r.Err, r.Detail)
	}
}
