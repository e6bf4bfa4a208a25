package ipc

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// SealConfig returns a memfd that holds config and can never change again, so
// that every worker of a generation sees the same bytes whatever another one
// does to its descriptor. The caller owns it.
func SealConfig(config []byte) (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("brood-config", flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3
		fd, err = unix.MemfdCreate("brood-config", flags)
	}
	if err != nil {
		return -1, fmt.Errorf("configuration memfd: %w", err)
	}
	if err := fill(fd, config); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("configuration memfd: %w", err)
	}
	return fd, nil
}

func fill(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS,
		unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE)
	return err
}

// ReadConfig returns the whole of a configuration memfd. It reads by offset:
// all workers of a generation share one file position.
func ReadConfig(fd int) ([]byte, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("configuration memfd: %w", err)
	}
	b := make([]byte, st.Size)
	for done := 0; done < len(b); {
		n, err := unix.Pread(fd, b[done:], int64(done))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil && n == 0 {
			err = unix.EIO // sealed against shrinking: can't be
		}
		if err != nil {
			return nil, fmt.Errorf("configuration memfd: %w", err)
		}
		done += n
	}
	return b, nil
}
