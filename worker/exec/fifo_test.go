package exec

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A fifo is held open for reading by what a test starts. Its other end tells
// when they have begun, and when the last of them is gone.
type fifo struct {
	path   string
	opened chan *os.File
}

func newFIFO(t testing.TB, path string) *fifo {
	t.Helper()
	f := &fifo{path: path, opened: make(chan *os.File, 1)}
	if err := syscall.Mkfifo(f.path, 0o644); err != nil {
		t.Fatal(err)
	}
	go func() {
		file, err := os.OpenFile(f.path, os.O_WRONLY, 0) // when somebody reads
		if err == nil {
			f.opened <- file
		}
	}()
	t.Cleanup(func() { // so that a test that failed leaves no goroutine behind
		if fd, err := unix.Open(f.path, unix.O_RDONLY|unix.O_NONBLOCK, 0); err == nil {
			unix.Close(fd)
		}
	})
	return f
}

// patience bounds waits. It is not an expectation.
const patience = time.Minute

// mustOpen waits until somebody reads.
func (f *fifo) mustOpen(t testing.TB) *os.File {
	t.Helper()
	select {
	case file := <-f.opened:
		return file
	case <-time.After(patience):
		t.Fatal("nobody opens the FIFO")
		return nil
	}
}

// mustBeLetGo waits until nobody reads any more.
func (f *fifo) mustBeLetGo(t testing.TB) {
	t.Helper()
	file := f.mustOpen(t)
	defer file.Close()
	poll := []unix.PollFd{{Fd: int32(file.Fd())}} // for POLLERR alone
	for end := time.Now().Add(patience); ; {
		n, err := unix.Poll(poll, int(time.Until(end).Milliseconds()))
		switch {
		case n == 1:
			return
		case err != nil && errors.Is(err, unix.EINTR):
		default:
			t.Fatalf("somebody still has the FIFO open (%v)", err)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
