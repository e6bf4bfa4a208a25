package origin

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync"
)

// body is one version of a file, on disk. One goroutine appends to it; what it has
// written never changes.
type body struct {
	path string
	size int64 // as the origin has told, -1: it has not

	write   func(f *os.File, p []byte, at int64) (int, error)
	mu      sync.Mutex
	file    *os.File // while it grows, or is read through
	sum     hash.Hash
	there   int64
	whole   bool
	err     error         // it will never be whole
	changed chan struct{} // closed when any of this changes; nil: nobody waits

	version  version
	incoming bool   // it comes from the origin, and was not here before
	stop     func() // ends its download

	// Of the cache, under its lock.
	users    int
	bytes    int64 // that it is accounted for
	dropped  bool  // nobody else gets it
	nameless bool  // its file has been removed
}

func newBody(file *os.File, size int64) *body {
	return &body{path: file.Name(), size: size, write: (*os.File).WriteAt, file: file, sum: sha256.New()}
}

// state says how far it is, and what will be closed when that changes.
func (b *body) state() (there int64, whole bool, changed <-chan struct{}, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.there, b.whole, b.changed, b.err
}

func (b *body) growing() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.whole && b.err == nil
}

func (b *body) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *body) failed() bool { return b.failure() != nil }

// reached is how many bytes are there.
func (b *body) reached() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.there
}

func (b *body) tell() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// Write appends. What was written before an error counts.
func (b *body) Write(p []byte) (int, error) {
	n, err := b.write(b.file, p, b.there) // only we change there
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sum.Write(p[:n])
	b.there += int64(n)
	b.tell()
	return n, err
}

// readThrough takes what its file holds already as if it came now.
func (b *body) readThrough(stopped func() error) error {
	buf := make([]byte, 256<<10)
	for {
		if err := stopped(); err != nil {
			return err
		}
		n, err := b.file.ReadAt(buf, b.there)
		b.mu.Lock()
		b.sum.Write(buf[:n])
		b.there += int64(n)
		b.mu.Unlock()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// complete makes it whole if its length is right and its digest is the wanted one;
// "" wants none. It returns the digest.
func (b *body) complete(wanted string) (sum string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sum = string(b.sum.Sum(nil))
	switch {
	case b.size >= 0 && b.there != b.size:
		return sum, fmt.Errorf("%d bytes came, and the origin had promised %d", b.there, b.size)
	case wanted != "" && sum != wanted:
		return sum, fmt.Errorf("its SHA-256 is %x, want %x", sum, wanted)
	}
	b.whole, b.size = true, b.there
	b.tell()
	return sum, nil
}

// shut closes the file of a body that is whole, which is opened by its name from now
// on.
func (b *body) shut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.file.Close()
	b.file = nil
}

// fail says that it will never be whole.
func (b *body) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil && !b.whole {
		b.err = err
		b.file.Close()
		b.file = nil
		b.tell()
	}
}

// open returns a descriptor for reading, with a position of its own.
func (b *body) open() (*os.File, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f, err := os.Open(b.path)
	if errors.Is(err, fs.ErrNotExist) && b.file != nil { // it has no name any more, or never had one
		return os.Open(fmt.Sprintf("/proc/self/fd/%d", b.file.Fd()))
	}
	return f, err
}

// length is the size of the whole, -1 while nobody knows it.
func (b *body) length() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size
}
