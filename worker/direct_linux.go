package worker

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxVectors is how many buffers one preadv takes (IOV_MAX, readv(2)).
const maxVectors = 1024

// direct reads a file's blocks straight into a window's slots, around the
// headers: many blocks for one system call and no copy. It is for windows; in
// lock-step reading far ahead into one buffer costs less.
type direct struct {
	fd      int
	vectors []unix.Iovec // the payload of each slot, laid out once
}

func newDirect(fd int, w *window) *direct {
	d := &direct{fd: fd, vectors: make([]unix.Iovec, w.slots)}
	for i := range d.vectors {
		d.vectors[i].Base = &w.buf[i*w.stride+dataHeaderLen]
		d.vectors[i].SetLen(w.stride - dataHeaderLen)
	}
	return d
}

// fillDirect is fill for a window that reads its file itself.
func (w *window) fillDirect(block uint64) error {
	blksize := int64(w.stride - dataHeaderLen)
	last := uint64(w.source.size/blksize) + 1
	for block = min(block, last); w.read < block; {
		at := w.index(w.read + 1)
		n := int(min(block-w.read, uint64(min(w.slots-at, maxVectors))))
		offset := int64(w.read) * blksize
		want := min(int64(n)*blksize, w.source.size-offset)
		got, err := w.direct.read(at, n, offset)
		if err != nil {
			return err
		}
		if got < want {
			// A signal can cut a read short, or a file system that gives what it has;
			// the file's end can, too, and then not even one block is to be had.
			if n = int(got / blksize); n == 0 {
				n, want = 1, min(want, blksize)
				if got, err = w.direct.rest(at, got, want, offset); err != nil {
					return err
				}
				if got < want {
					return errShort{offset + got, w.source.size}
				}
			} else {
				want = int64(n) * blksize
			}
		}
		for range n {
			w.number(w.read + 1)
			w.read++
		}
		if w.read == last {
			return w.end(int(want - int64(n-1)*blksize))
		}
	}
	return nil
}

// rest reads what is missing of the block in slot at, of which the first got of
// want bytes are there, and returns how many are then; fewer at the file's end.
func (d *direct) rest(at int, got, want, offset int64) (int64, error) {
	slot := unsafe.Slice(d.vectors[at].Base, want)
	for got < want {
		n, err := unix.Pread(d.fd, slot[got:], offset+got)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil || n == 0:
			return got, err
		}
		got += int64(n)
	}
	return got, nil
}

func (d *direct) read(at, n int, offset int64) (int64, error) {
	for {
		// The kernel takes the offset in two halves; on 64 bits the first is all of it.
		got, _, errno := unix.Syscall6(unix.SYS_PREADV, uintptr(d.fd),
			uintptr(unsafe.Pointer(&d.vectors[at])), uintptr(n), uintptr(offset), 0, 0)
		switch {
		case errno == 0:
			return int64(got), nil
		case !errors.Is(errno, unix.EINTR):
			return 0, errno
		}
	}
}
