package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"brood/worker"
)

// layout is what a test directory holds: a path and "dir", "fifo", "socket",
// "-> target", or the content of a regular file. "{}" in a target stands for
// the test directory.
type layout [][2]string

func build(t testing.TB, l layout) (dir string) {
	t.Helper()
	// Resolved, so that a test's own paths are what links really lead to.
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range l {
		name := filepath.Join(dir, entry[0])
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		switch target, isLink := strings.CutPrefix(entry[1], "-> "); {
		case err != nil:
		case isLink:
			err = os.Symlink(strings.ReplaceAll(target, "{}", dir), name)
		case entry[1] == "dir":
			err = os.MkdirAll(name, 0o755)
		case entry[1] == "fifo":
			err = syscall.Mkfifo(name, 0o644)
		case entry[1] == "socket":
			// From inside, because a socket's path may have 108 bytes only.
			t.Chdir(filepath.Dir(name))
			var l net.Listener
			if l, err = net.Listen("unix", filepath.Base(name)); err == nil {
				t.Cleanup(func() { l.Close() })
			}
		default:
			err = os.WriteFile(name, []byte(entry[1]), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func open(t testing.TB, root string, follow ...string) *Handler {
	t.Helper()
	return openNew(t, Options{Root: root, Follow: follow})
}

func openNew(t testing.TB, o Options) *Handler {
	t.Helper()
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// somebody asks, where a test has no client of its own.
var somebody = worker.Request{Peer: netip.MustParseAddrPort("10.0.0.7:2070"), MAC: "52:54:00:12:34:56"}

// get returns the content of a file, read as the session reads it.
func get(h *Handler, file string) (string, error) {
	req := somebody
	req.File = file
	return getFor(h, &req)
}

func getFor(h *Handler, req *worker.Request) (string, error) {
	resp, err := h.Open(context.Background(), req)
	if err != nil {
		return "", err
	}
	defer resp.Close()
	b, err := io.ReadAll(resp)
	if size, known := resp.Size(); err == nil && (!known || size != int64(len(b))) {
		err = fmt.Errorf("size %d, %v; read %d bytes", size, known, len(b))
	}
	return string(b), err
}

// kind is what an error is to the client.
func kind(err error) error {
	for _, k := range []error{fs.ErrNotExist, fs.ErrPermission} {
		if errors.Is(err, k) {
			return k
		}
	}
	return err
}

// atOnce fails the test if f doesn't end by itself. The limit is for a test that
// fails; one that passes doesn't wait.
func atOnce(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s blocks", what)
	}
}

// watch returns a function that tells which of the names below dir were opened
// since watch was called.
func watch(t *testing.T, dirs ...string) (opened func() []string) {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	for _, dir := range dirs {
		if _, err := syscall.InotifyAddWatch(fd, dir, syscall.IN_OPEN); err != nil {
			t.Fatal(err)
		}
	}
	return func() (names []string) {
		buf := make([]byte, 64<<10)
		n, err := syscall.Read(fd, buf)
		if err == syscall.EAGAIN {
			return nil
		}
		if err != nil {
			t.Fatal(err)
		}
		for b := buf[:n]; len(b) >= syscall.SizeofInotifyEvent; {
			size := int(b[12]) | int(b[13])<<8 // struct inotify_event: len is its last word
			name := b[syscall.SizeofInotifyEvent : syscall.SizeofInotifyEvent+size]
			names = append(names, strings.TrimRight(string(name), "\x00"))
			b = b[syscall.SizeofInotifyEvent+size:]
		}
		return names
	}
}

func descriptors(t *testing.T) (fds []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		fds = append(fds, e.Name())
	}
	return fds
}
