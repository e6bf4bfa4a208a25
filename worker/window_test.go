package worker

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"brood/protocol"
)

func newTestWindow(r io.Reader, size int64, blksize, windowsize int) *window {
	wire := func(block uint64) uint16 { return uint16(block) + 100 }
	return newWindow(newContent(r, size, protocol.Octet), blksize, windowsize, wire)
}

// TestAWindowHoldsPacketsReadyToSend plays a transfer in lock-step with each
// window: fill, look at every block of the window, move on by one.
func TestAWindowHoldsPacketsReadyToSend(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 7, 8, 9, 15, 16, 17, 64, 65} {
		for windowsize := 1; windowsize <= 10; windowsize++ {
			for _, size := range []int64{-1, int64(n)} {
				want := text(n)
				w := newTestWindow(bytes.NewReader(want), size, 8, windowsize)
				last := uint64(n/8 + 1)
				for acked := range last {
					for w.final == 0 && w.read < acked+uint64(w.slots) {
						if err := w.fill(acked + uint64(w.slots)); err != nil {
							t.Fatal(err)
						}
					}
					for b := acked + 1; b <= min(acked+uint64(w.slots), last); b++ {
						from, to := int(b-1)*8, min(int(b)*8, n)
						packet := protocol.Data{Block: uint16(b) + 100, Payload: want[from:to]}.Append(nil)
						if got, _ := w.run(b, 1); !bytes.Equal(got, packet) {
							t.Errorf("%d bytes, size %d, window %d, acked %d: block %d is %x, want %x", n, size, windowsize, acked, b, got, packet)
						}
					}
				}
				if w.final != last || w.read != last {
					t.Errorf("%d bytes, size %d, window %d: %d blocks read, the last is %d; want %d", n, size, windowsize, w.read, w.final, last)
				}
			}
		}
	}
}

func TestAWindowKnowsHowMuchItsBlocksHold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		n    int
		want []uint64 // after 0, 1, 2 ... blocks
	}{
		{0, []uint64{0, 0}},
		{5, []uint64{0, 5}},
		{8, []uint64{0, 8, 8}},
		{20, []uint64{0, 8, 16, 20}},
	} {
		w := newTestWindow(bytes.NewReader(make([]byte, tt.n)), -1, 8, 1)
		var got []uint64
		for block := range tt.want {
			if err := w.fill(uint64(block)); err != nil {
				t.Fatal(err)
			}
			got = append(got, w.bytes(uint64(block)))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%d bytes in blocks of 8: %d, want %d", tt.n, got, tt.want)
		}
	}
}

func TestAWindowIsNoLargerThanItsContent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		size  int64
		slots int
	}{{-1, 128}, {0, 1}, {7, 1}, {8, 2}, {9, 2}, {8 * 126, 127}, {8 * 127, 128}, {8 * 128, 128}, {1 << 40, 128}} {
		if w := newTestWindow(nil, tt.size, 8, 64); w.slots != tt.slots || len(w.buf) != tt.slots*(8+dataHeaderLen) {
			t.Errorf("size %d: %d slots in %d bytes, want %d slots", tt.size, w.slots, len(w.buf), tt.slots)
		}
	}
}

func TestABlockThatFailsIsNotRead(t *testing.T) {
	t.Parallel()
	failure := errors.New("disk")
	w := newTestWindow(io.MultiReader(bytes.NewReader(make([]byte, 12)), iotest.ErrReader(failure)), -1, 8, 4)
	if err := w.fill(1); err != nil || w.read != 1 {
		t.Fatalf("block 1: %v, %d read", err, w.read)
	}
	for range 2 {
		if err := w.fill(4); err != failure || w.read != 1 || w.final != 0 {
			t.Errorf("block 2: %v, %d read, the last is %d; want %v, 1, 0", err, w.read, w.final, failure)
		}
	}
}
