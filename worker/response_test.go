package worker

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"golang.org/x/sys/unix"
)

func TestBytesIsAResponse(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"", "x", "more than one"} {
		r := Bytes([]byte(want))
		if size, known := r.Size(); !known || size != int64(len(want)) {
			t.Errorf("%q: size %d, known %v", want, size, known)
		}
		if err := iotest.TestReader(r, []byte(want)); err != nil {
			t.Errorf("%q: %v", want, err)
		}
		if size, known := r.Size(); !known || size != int64(len(want)) {
			t.Errorf("%q, when read: size %d, known %v", want, size, known)
		}
		if err := r.Close(); err != nil {
			t.Errorf("%q: Close: %v", want, err)
		}
	}
}

func tempFile(t *testing.T, content string) *os.File {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "file"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(content); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFileIsReadFromItsStart(t *testing.T) {
	t.Parallel()
	f := tempFile(t, "content") // its offset is at the end
	r, err := File(f)
	if err != nil {
		t.Fatal(err)
	}
	if size, known := r.Size(); !known || size != 7 {
		t.Errorf("size %d, known %v; want 7", size, known)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "content" {
		t.Errorf("read %q, %v; want %q", got, err, "content")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the file after Close: %v, want %v", err, os.ErrClosed)
	}
}

func TestFileKeepsTheSizeItHad(t *testing.T) {
	t.Parallel()
	f := tempFile(t, "content")
	r, err := File(f)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, now := range []int64{100, 1, 0} {
		if err := f.Truncate(now); err != nil {
			t.Fatal(err)
		}
		if size, known := r.Size(); !known || size != 7 {
			t.Errorf("size %d, known %v when the file has %d; want 7", size, known, now)
		}
	}
}

func TestFileRefusesWhatIsNotRegular(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	open := func(name string, flags int) *os.File {
		f, err := os.OpenFile(name, flags, 0)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, tt := range []struct {
		f    *os.File
		want string
	}{
		{open(dir, os.O_RDONLY), "serve " + dir + ": is a directory"},
		{open(fifo, os.O_RDWR|unix.O_NONBLOCK), "serve " + fifo + ": is a FIFO"},
		{open("/dev/null", os.O_RDONLY), "serve /dev/null: is not a regular file"},
		{os.NewFile(uintptr(socket), "socket"), "serve socket: is a socket"},
	} {
		r, err := File(tt.f)
		if r != nil || !errors.Is(err, fs.ErrPermission) || err.Error() != tt.want {
			t.Errorf("%s: %v, %v; want %q, which is %v", tt.f.Name(), r, err, tt.want, fs.ErrPermission)
		}
		if _, err := tt.f.Stat(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s was left open: %v", tt.f.Name(), err)
		}
	}
	closed := tempFile(t, "")
	closed.Close()
	if _, err := File(closed); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed file: %v, want %v", err, os.ErrClosed)
	}
}
