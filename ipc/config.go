package ipc

import (
	"errors"
	"fmt"
	"unsafe"

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

// MapConfig returns the whole of a configuration memfd, mapped read-only: what is
// large in it costs a process the pages that it looks at, and all workers of a
// generation have the same ones. Writing to it is a fault (SIGSEGV). It stays
// mapped for the process's life.
//
// The mapping is private: with MAP_SHARED the kernel counts on a writer to come,
// and refuses it for a sealed memfd before Linux 6.7. Of pages that are only read
// there is no copy either way.
func MapConfig(fd int) ([]byte, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("configuration memfd: %w", err)
	}
	if st.Size == 0 {
		return nil, nil // there is no mapping of nothing
	}
	// Not Mmap: its first mapping makes a map, which takes two pages and more of each worker's start.
	at, err := unix.MmapPtr(fd, 0, nil, uintptr(st.Size), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("mapping the configuration memfd: %w", err)
	}
	return unsafe.Slice((*byte)(at), st.Size), nil
}
