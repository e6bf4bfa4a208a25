package worker

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// slow returns the content of a source that gives what the test writes.
func slow(t *testing.T, size int64, mode protocol.Mode) (*content, *io.PipeWriter) {
	t.Helper()
	r, w := io.Pipe()
	c, err := newSlowContent(r, size, mode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Close()
		c.ahead.stop(func() {})
	})
	return c, w
}

func TestReadingAheadGivesEveryBlock(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 511, 512, 513, maxAhead - 1, maxAhead, maxAhead + 1, 3*maxAhead + 100} {
		for _, reader := range readers {
			if n > 1000 && reader.name != "at once" && reader.name != "half at a time" {
				continue
			}
			for _, size := range []int64{int64(n), -1} {
				want := text(n)
				c, err := newSlowContent(reader.wrap(bytes.NewReader(want)), size, protocol.Octet)
				if err != nil {
					t.Fatal(err)
				}
				var got []byte
				for p := make([]byte, 512); ; {
					c.ahead.await(len(p))
					n, err := c.block(p)
					if err != nil {
						t.Fatalf("%s, %d bytes: %v", reader.name, len(want), err)
					}
					if got = append(got, p[:n]...); n < len(p) {
						break
					}
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%s, size %d: got %d bytes that differ from %d", reader.name, size, len(got), len(want))
				}
				if !c.ahead.stop(func() {}) {
					t.Errorf("%s: the goroutine does not end", reader.name)
				}
			}
		}
	}
}

// TestASlowSourceIsNotWaitedFor: fill takes what is there, and the bell is rung
// for what comes later.
func TestASlowSourceIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	c, source := slow(t, 28, protocol.Octet)
	w := newWindow(c, 8, 8, func(b uint64) uint16 { return uint16(b) })
	for _, tt := range []struct {
		give        int
		read, final uint64
	}{{4, 0, 0}, {4, 1, 0}, {12, 2, 0}, {8, 4, 4}} {
		there := c.ahead.call(8)
		if there {
			t.Fatalf("before the next %d bytes: a block is there", tt.give)
		}
		source.Write(make([]byte, tt.give))
		if tt.read > w.read { // else there is nothing to be called for
			waitRung(t, c.ahead.bell)
			c.ahead.hush()
		}
		if tt.final > 0 { // the end takes a Read of its own
			c.ahead.await(9)
		}
		if err := w.fill(8); err != nil || w.read != tt.read || w.final != tt.final {
			t.Fatalf("after %d bytes more: %d blocks, the last is %d (%v); want %d, %d", tt.give, w.read, w.final, err, tt.read, tt.final)
		}
		if w.starved(8) != (tt.final == 0) {
			t.Errorf("starved %v after block %d", w.starved(8), w.read)
		}
	}
}

func waitRung(t *testing.T, bell int) {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(bell), Events: unix.POLLIN}}
	for {
		switch n, err := unix.Poll(fds, 60_000); {
		case err == unix.EINTR:
		case n != 1:
			t.Fatalf("the bell is not rung (%v)", err)
		default:
			return
		}
	}
}

func TestReadingAheadIsBounded(t *testing.T) {
	t.Parallel()
	var given counter
	a, err := newAhead(io.TeeReader(endless{}, &given), -1)
	if err != nil {
		t.Fatal(err)
	}
	a.await(maxAhead)
	if !a.stop(func() {}) {
		t.Fatal("the goroutine does not end")
	}
	if given != maxAhead {
		t.Errorf("%d bytes were read ahead, want %d", given, maxAhead)
	}
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestWhatWasReadBeforeAFailureIsGivenFirst(t *testing.T) {
	t.Parallel()
	c, source := slow(t, -1, protocol.Octet)
	failure := errors.New("the source has gone")
	go func() {
		source.Write(make([]byte, 12))
		source.CloseWithError(failure)
	}()
	p := make([]byte, 8)
	c.ahead.await(8)
	if n, err := c.block(p); n != 8 || err != nil {
		t.Errorf("block 1: %d, %v", n, err)
	}
	for range 2 {
		c.ahead.await(8)
		if _, err := c.block(p); err != failure {
			t.Errorf("block 2: %v, want %v", err, failure)
		}
	}
}

// hanging is a Read that returns when it is told, if it heeds that.
type hanging struct {
	entered chan struct{}
	told    chan struct{}
}

func (h hanging) Read([]byte) (int, error) {
	close(h.entered)
	<-h.told
	return 0, io.ErrClosedPipe
}

func TestAReadUnderWayIsToldToEnd(t *testing.T) {
	t.Parallel()
	for _, heeds := range []bool{true, false} {
		h := hanging{make(chan struct{}), make(chan struct{})}
		a, err := newAhead(h, -1)
		if err != nil {
			t.Fatal(err)
		}
		<-h.entered
		tell := func() {}
		if heeds {
			tell = func() { close(h.told) }
		}
		if got := a.stop(tell); got != heeds {
			t.Errorf("a Read that heeds it %v: stopped %v", heeds, got)
		}
	}
}
