package worker

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"brood/protocol"
)

// fileWindow returns a window that reads a file of n bytes itself, promised to
// be of the given size.
func fileWindow(t *testing.T, n int, size int64, windowsize int) *window {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, text(n), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	w := newWindow(&content{size: size}, 8, windowsize, func(b uint64) uint16 { return uint16(b) })
	w.direct = newDirect(int(f.Fd()), w)
	return w
}

// drain reads a window's blocks as a session would whose client acknowledges
// step blocks at a time, and returns the packets one behind the other.
func drain(w *window, step uint64) ([]byte, error) {
	var all []byte
	for acked := uint64(0); w.final == 0 || acked < w.final; {
		if err := w.fill(acked + uint64(w.slots)); err != nil {
			return all, err
		}
		for end := min(acked+step, w.read); acked < end; {
			p, n := w.run(acked+1, end-acked)
			all = append(all, p...)
			acked += n
		}
	}
	return all, nil
}

func TestAFilesBlocksAreThoseThatAReaderGives(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 7, 8, 9, 16, 63, 64, 65, 1000} {
		for _, windowsize := range []int{1, 2, 5, 8, 64, 2000} {
			for _, step := range []uint64{1, 3, 8} {
				direct := fileWindow(t, n, int64(n), windowsize)
				got, err := drain(direct, min(step, uint64(direct.slots)))
				read := newWindow(newContent(bytes.NewReader(text(n)), int64(n), protocol.Octet), 8, windowsize, direct.wire)
				want, err2 := drain(read, min(step, uint64(read.slots)))
				if err != nil || err2 != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes, window %d, %d at a time: %v, %x; a reader gives %v, %x", n, windowsize, step, err, got, err2, want)
				}
				if direct.bytes(direct.final) != uint64(n) {
					t.Errorf("%d bytes counted as %d", n, direct.bytes(direct.final))
				}
			}
		}
	}
}

func TestAFileThatShrankIsAnErrorAndOneThatGrewIsCut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ n, size int }{{0, 1}, {7, 8}, {8, 9}, {12, 20}, {99, 1000}, {800, 801}} {
		if _, err := drain(fileWindow(t, tt.n, int64(tt.size), 4), 4); !errors.As(err, new(errShort)) {
			t.Errorf("%d of %d bytes: %v, want errShort", tt.n, tt.size, err)
		}
		w := fileWindow(t, tt.size, int64(tt.n), 4)
		got, err := drain(w, 4)
		if want := len(got) - int(w.final)*dataHeaderLen; err != nil || want != tt.n {
			t.Errorf("a file of %d bytes that was %d: %v, %d bytes sent", tt.size, tt.n, err, want)
		}
	}
}

// Some file systems give less than they are asked for in the middle of a file.
func TestABlockThatCameInPartIsCompleted(t *testing.T) {
	t.Parallel()
	w := fileWindow(t, 20, 20, 4)
	for _, tt := range []struct{ got, want, n int64 }{{0, 8, 8}, {3, 8, 8}, {8, 8, 8}} {
		slot := w.slot(2)[dataHeaderLen:]
		copy(slot, text(20)[8:8+tt.got])
		clear(slot[tt.got:])
		if n, err := w.direct.rest(1, tt.got, tt.want, 8); n != tt.n || err != nil || !bytes.Equal(slot, text(20)[8:16]) {
			t.Errorf("%d of %d bytes were there: %d now, %v, %x", tt.got, tt.want, n, err, slot)
		}
	}
	if n, err := w.direct.rest(2, 1, 8, 16); n != 4 || err != nil {
		t.Errorf("at the file's end: %d bytes, %v; want the 4 that there are", n, err)
	}
}

func TestReadingBlocksOfAFileAllocatesNothing(t *testing.T) {
	const runs = 200
	w := fileWindow(t, 8*16*(runs+2), 8*16*(runs+2), 16)
	acked := uint64(0)
	if n := testing.AllocsPerRun(runs, func() {
		acked += 16
		if err := w.fill(acked); err != nil {
			t.Fatal(err)
		}
		w.run(acked-15, 16)
	}); n != 0 {
		t.Errorf("a window's blocks take %v allocations", n)
	}
}
