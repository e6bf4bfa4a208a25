package ipc

import (
	"bytes"
	"errors"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func sealed(t *testing.T, config []byte) int {
	t.Helper()
	fd, err := SealConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, fd)
	return fd
}

func TestAConfigurationIsReadWhole(t *testing.T) {
	t.Parallel()
	for _, want := range [][]byte{nil, []byte("/srv/tftp"), bytes.Repeat([]byte("config\x00"), 1<<18)} {
		fd := sealed(t, want)
		if cloexec, _ := descriptorFlags(t, fd); !cloexec {
			t.Error("the descriptor is not close-on-exec")
		}
		// The file's position, which all workers of a generation share, is no matter.
		for _, offset := range []int64{0, 1, 1 << 30} {
			if _, err := unix.Seek(fd, offset, 0); err != nil {
				t.Fatal(err)
			}
			got, err := MapConfig(fd)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("from offset %d: %d bytes, %v; want %d", offset, len(got), err, len(want))
			}
			if len(got) > 0 {
				if err := unix.MunmapPtr(unsafe.Pointer(&got[0]), uintptr(len(got))); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func TestAConfigurationNeverChanges(t *testing.T) {
	t.Parallel()
	want := []byte("/srv/tftp")
	fd := sealed(t, want)
	for name, try := range map[string]func() error{
		"write":  func() error { _, err := unix.Pwrite(fd, []byte("/"), 0); return err },
		"append": func() error { _, err := unix.Pwrite(fd, []byte("/"), int64(len(want))); return err },
		"shrink": func() error { return unix.Ftruncate(fd, 1) },
		"grow":   func() error { return unix.Ftruncate(fd, 100) },
		"punch":  func() error { return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 4) },
		"map": func() error {
			_, err := unix.Mmap(fd, 0, len(want), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			return err
		},
		"seal": func() error {
			_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_FUTURE_WRITE)
			return err
		},
	} {
		if err := try(); !errors.Is(err, unix.EPERM) {
			t.Errorf("%s: %v, want %v", name, err, unix.EPERM)
		}
	}
	if got, err := MapConfig(fd); err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %q, %v; want %q", got, err, want)
	}
}

func TestAMissingConfigurationIsAnError(t *testing.T) {
	t.Parallel()
	if got, err := MapConfig(-1); !errors.Is(err, unix.EBADF) {
		t.Errorf("read %q, %v; want %v", got, err, unix.EBADF)
	}
}
