package ipc

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func TestPipesHaveTheirFlags(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		open         func() (int, int, error)
		writerBlocks bool
	}{{"stats", StatsPipe, false}, {"stderr", StderrPipe, true}} {
		r, w, err := tt.open()
		if err != nil {
			t.Fatal(err)
		}
		closing(t, r, w)
		if cloexec, nonblock := descriptorFlags(t, r); !cloexec || !nonblock {
			t.Errorf("the %s pipe's reading end: close-on-exec %v, nonblocking %v; want both", tt.name, cloexec, nonblock)
		}
		if cloexec, nonblock := descriptorFlags(t, w); !cloexec || nonblock == tt.writerBlocks {
			t.Errorf("the %s pipe's writing end: close-on-exec %v, nonblocking %v; want true, %v", tt.name, cloexec, nonblock, !tt.writerBlocks)
		}
	}
}

// TestAFullStatsPipeLosesWholeFrames is what a worker relies on when its
// supervisor stands still: no write waits, and none is cut.
func TestAFullStatsPipeLosesWholeFrames(t *testing.T) {
	t.Parallel()
	r, w, err := StatsPipe()
	if err != nil {
		t.Fatal(err)
	}
	closing(t, r, w)
	frame := frames[len(frames)-1].frame
	b := appendFrame(t, nil, &frame)
	size, err := unix.FcntlInt(uintptr(w), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		t.Fatal(err)
	}
	written := 0
	for {
		n, err := unix.Write(w, b)
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil || n != len(b) {
			t.Fatalf("frame %d: wrote %d of %d bytes, %v", written, n, len(b), err)
		}
		if written++; written*len(b) > size {
			t.Fatalf("%d frames of %d bytes in a pipe of %d", written, len(b), size)
		}
	}
	var got []Frame
	var reader FrameReader
	buf := make([]byte, 1000)
	for {
		n, err := unix.Read(r, buf)
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := reader.Feed(buf[:n], func(f Frame) { got = append(got, f) }); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != written || written == 0 || reader.Partial() {
		t.Errorf("%d frames written, %d read, partial %v", written, len(got), reader.Partial())
	}
	for i, f := range got {
		if f != frame {
			t.Errorf("frame %d: %+v, want %+v", i, f, frame)
		}
	}
}
