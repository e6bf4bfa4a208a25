package worker

import (
	"bufio"
	"fmt"
	"io"

	"brood/protocol"
)

// readAhead is how much is read from a Response at once, in bytes: in lock-step
// a read per block would cost as much as the block's packets. Larger blocks are
// read where they are sent from, without a buffer between.
const readAhead = 32 << 10

// firstRead is how much is read at first, in bytes, for blocks of no more than that. Whoever
// asks for a size alone is answered when the first block has been read, and wants none; and a
// session that waits for its client holds so much less.
const firstRead = 4 << 10

// maxEmptyReads is how often in a row a Response may return nothing and no error.
const maxEmptyReads = 100

// content turns a Response into the bytes of a transfer: cut at the size that
// was promised, translated for netascii. Either r or ahead is there.
type content struct {
	r     *bufio.Reader
	err   error  // from r, sticky: what comes after an end is not content
	ahead *ahead // of a source that may keep its reader waiting
	size  int64  // on the wire, -1 when only its end will tell

	// unchanged says, when all has been read, whether it is still what it was in the
	// beginning; nil where that can't be known.
	unchanged func() error
}

// newContent reads size bytes of r, or all when size is -1, as they are needed.
func newContent(r io.Reader, size int64, mode protocol.Mode) *content {
	r, size = wire(r, size, mode)
	buffer := readAhead
	if size >= 0 {
		buffer = int(min(int64(buffer), size))
	}
	return &content{r: bufio.NewReaderSize(&taster{r: r}, buffer), size: size}
}

// taster reads firstRead at first.
type taster struct {
	r      io.Reader
	tasted bool
}

func (t *taster) Read(p []byte) (int, error) {
	if !t.tasted {
		t.tasted = true
		p = p[:min(len(p), firstRead)]
	}
	return t.r.Read(p)
}

// newSlowContent is newContent for a source that may keep its reader waiting. It
// must be stopped.
func newSlowContent(r io.Reader, size int64, mode protocol.Mode) (*content, error) {
	r, size = wire(r, size, mode)
	a, err := newAhead(r, size)
	if err != nil {
		return nil, fmt.Errorf("reading ahead: %w", err)
	}
	return &content{ahead: a, size: size}, nil
}

// wire returns a reader of what goes on the wire, and its size.
func wire(r io.Reader, size int64, mode protocol.Mode) (io.Reader, int64) {
	if size >= 0 {
		r = &exactReader{r: r, size: size, left: size}
	}
	if mode == protocol.Netascii {
		r = &netasciiReader{r: r}
		size = -1
	}
	return r, size
}

// block fills p, and returns fewer bytes without an error only at the content's
// end; or errNotYet, of a slow source. It is io.ReadFull, but that one's io.ErrUnexpectedEOF can also be the
// reader's own, from a compressed or a remote source that was cut short, and a
// part must never be served as the whole.
func (c *content) block(p []byte) (n int, err error) {
	if c.ahead != nil {
		return c.ahead.block(p)
	}
	for empty := 0; n < len(p) && c.err == nil; {
		var got int
		got, c.err = c.r.Read(p[n:])
		n += got
		empty++
		switch {
		case got > 0:
			empty = 0
		case empty == maxEmptyReads && c.err == nil:
			c.err = io.ErrNoProgress
		}
	}
	if n == len(p) || c.err == io.EOF {
		return n, nil
	}
	return n, c.err
}

// errShort says that a Response broke its promise.
type errShort struct{ got, want int64 }

func (e errShort) Error() string {
	return fmt.Sprintf("content ended after %d of %d bytes", e.got, e.want)
}

// exactReader ends with errShort where its reader ends too early, and never
// reads past what was promised.
type exactReader struct {
	r          io.Reader
	size, left int64
}

func (e *exactReader) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		err = errShort{e.size - e.left, e.size}
	}
	return n, err
}

type netasciiReader struct {
	r   io.Reader
	enc protocol.NetasciiEncoder
	raw [4096]byte
	out []byte // translated, not yet read
	buf []byte // what out lies in
	err error  // from r, due when out is empty
}

func (n *netasciiReader) Read(p []byte) (int, error) {
	if len(n.out) == 0 && n.err == nil {
		var got int
		got, n.err = n.r.Read(n.raw[:])
		n.buf = n.enc.Append(n.buf[:0], n.raw[:got])
		n.out = n.buf
	}
	c := copy(p, n.out)
	n.out = n.out[c:]
	if len(n.out) > 0 {
		return c, nil
	}
	return c, n.err
}
