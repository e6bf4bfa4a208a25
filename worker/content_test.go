package worker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"brood/protocol"
)

// readers give the same bytes in every way that io.Reader allows.
var readers = []struct {
	name string
	wrap func(io.Reader) io.Reader
}{
	{"at once", func(r io.Reader) io.Reader { return r }},
	{"a byte at a time", iotest.OneByteReader},
	{"half at a time", iotest.HalfReader},
	{"the end with the last bytes", iotest.DataErrReader},
	{"each byte with the end behind it", func(r io.Reader) io.Reader { return iotest.DataErrReader(iotest.OneByteReader(r)) }},
	{"nothing before each piece", func(r io.Reader) io.Reader { return &hesitant{r: r, times: maxEmptyReads - 1} }},
}

// hesitant returns 0 and nil some times before each Read of r.
type hesitant struct {
	r           io.Reader
	times, done int
}

func (h *hesitant) Read(p []byte) (int, error) {
	if h.done++; h.done <= h.times {
		return 0, nil
	}
	h.done = 0
	return h.r.Read(p)
}

// blocks reads all of c, as a window does.
func blocks(c *content, blksize int) (got []byte, err error) {
	p := make([]byte, blksize)
	for {
		n, err := c.block(p)
		got = append(got, p[:n]...)
		if err != nil || n < blksize {
			return got, err
		}
	}
}

func text(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8)
	}
	return b
}

func TestContentIsWhatTheReaderGives(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 7, 8, 9, 16, 512, 1000, readAhead, readAhead + 1, 2*readAhead + 3} {
		want := text(n)
		for _, reader := range readers {
			for _, size := range []int64{-1, int64(n)} {
				for _, blksize := range []int{8, 512, protocol.MaxBlksize} {
					c := newContent(reader.wrap(bytes.NewReader(want)), size, protocol.Octet)
					if got, err := blocks(c, blksize); err != nil || !bytes.Equal(got, want) || c.size != size {
						t.Errorf("%d bytes, %s, size %d, blocks of %d: %d bytes, %v, size %d", n, reader.name, size, blksize, len(got), err, c.size)
					}
				}
			}
		}
	}
}

func TestNetasciiIsTheSameWhateverThePieces(t *testing.T) {
	t.Parallel()
	// A line end on each border of a raw read, and of a block of the translation.
	plain := []byte(strings.Repeat("a\r\nb\nc\r", 3000))
	want := new(protocol.NetasciiEncoder).Append(nil, plain)
	for _, reader := range readers {
		for _, size := range []int64{-1, int64(len(plain))} {
			for _, blksize := range []int{8, 9, 511, 4096} {
				c := newContent(reader.wrap(bytes.NewReader(plain)), size, protocol.Netascii)
				if got, err := blocks(c, blksize); err != nil || !bytes.Equal(got, want) || c.size != -1 {
					t.Errorf("%s, size %d, blocks of %d: %d bytes, %v, size %d; want %d and a size that is not known",
						reader.name, size, blksize, len(got), err, c.size, len(want))
				}
			}
		}
	}
}

func TestANetasciiReaderIsAReader(t *testing.T) {
	t.Parallel()
	plain := []byte(strings.Repeat("a\r\nb\nc\r", 1000))
	want := new(protocol.NetasciiEncoder).Append(nil, plain)
	for _, reader := range readers {
		if err := iotest.TestReader(&netasciiReader{r: reader.wrap(bytes.NewReader(plain))}, want); err != nil {
			t.Errorf("%s: %v", reader.name, err)
		}
	}
}

func TestContentEndsWhereItWasPromised(t *testing.T) {
	t.Parallel()
	for _, mode := range []protocol.Mode{protocol.Octet, protocol.Netascii} {
		for _, size := range []int64{0, 1, 8, 20} {
			r := strings.NewReader("twenty bytes and many more than that")
			got, err := blocks(newContent(r, size, mode), 8)
			if want := "twenty bytes and many more than that"[:size]; err != nil || string(got) != want {
				t.Errorf("%v, a promise of %d: %q, %v; want %q", mode, size, got, err, want)
			}
			if read := r.Size() - int64(r.Len()); read != size {
				t.Errorf("%v, a promise of %d: %d bytes were read", mode, size, read)
			}
		}
	}
}

func TestAPromiseThatIsNotKeptIsAnError(t *testing.T) {
	t.Parallel()
	for _, mode := range []protocol.Mode{protocol.Octet, protocol.Netascii} {
		for _, reader := range readers {
			for _, n := range []int{0, 1, 7, 8, 16, 19} {
				c := newContent(reader.wrap(bytes.NewReader(make([]byte, n))), 20, mode)
				got, err := blocks(c, 8)
				if want := (errShort{int64(n), 20}); err != want {
					t.Errorf("%v, %s: %d bytes of 20: %d bytes, %v; want %v", mode, reader.name, n, len(got), err, want)
				}
			}
		}
	}
	if got, want := (errShort{7, 20}).Error(), "content ended after 7 of 20 bytes"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestAFailureIsNeverTheEnd: io.ErrUnexpectedEOF is what a truncated gzip stream
// or HTTP body ends with, and must not pass for the end that io.ReadFull means.
func TestAFailureIsNeverTheEnd(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{errors.New("disk"), io.ErrUnexpectedEOF, fmt.Errorf("wrapped: %w", io.EOF)} {
		for _, mode := range []protocol.Mode{protocol.Octet, protocol.Netascii} {
			for _, reader := range readers {
				for _, n := range []int{0, 1, 8, 12, 16} {
					for _, size := range []int64{-1, 20} {
						r := io.MultiReader(bytes.NewReader(make([]byte, n)), iotest.ErrReader(failure))
						c := newContent(reader.wrap(r), size, mode)
						got, err := blocks(c, 8)
						if err != failure || len(got) != n {
							t.Errorf("%v, %s, size %d: %d bytes, %v; want %d, %v", mode, reader.name, size, len(got), err, n, failure)
						}
						if n, err := c.block(make([]byte, 8)); n != 0 || err != failure {
							t.Errorf("%v, %s, size %d: %d more bytes, %v; want %v again", mode, reader.name, size, n, err, failure)
						}
					}
				}
			}
		}
	}
}

func TestAReaderThatNeverGivesAnythingFails(t *testing.T) {
	t.Parallel()
	for _, mode := range []protocol.Mode{protocol.Octet, protocol.Netascii} {
		for _, size := range []int64{-1, 20, math.MaxInt64} {
			c := newContent(&hesitant{times: math.MaxInt}, size, mode)
			if got, err := blocks(c, 8); len(got) != 0 || err != io.ErrNoProgress {
				t.Errorf("%v, size %d: %d bytes, %v; want %v", mode, size, len(got), err, io.ErrNoProgress)
			}
		}
	}
}

// TestReadsAreLarge holds lock-step to one Read of the Response for many blocks, and what
// a client that wants none of them costs to a small one.
func TestReadsAreLarge(t *testing.T) {
	t.Parallel()
	const n = 256 << 10
	for _, size := range []int64{-1, n} {
		r := &countReader{r: bytes.NewReader(make([]byte, n))}
		c := newContent(r, size, protocol.Octet)
		first := make([]byte, 512)
		if got, err := c.block(first); got != len(first) || err != nil || r.n != firstRead {
			t.Errorf("size %d: a block of %d bytes, %v, for which %d were read; want %d", size, got, err, r.n, firstRead)
		}
		if got, err := blocks(c, 512); err != nil || len(got) != n-len(first) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		if most := n/readAhead + 2; r.reads > most {
			t.Errorf("size %d: %d reads for %d bytes, want at most %d", size, r.reads, n, most)
		}
	}
}

type countReader struct {
	r        io.Reader
	reads, n int
}

func (c *countReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.reads++
	c.n += n
	return n, err
}
