package ipc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

var frames = []struct {
	name  string
	frame Frame
}{
	{"ready", Frame{Kind: KindReady}},
	{"the first valid ACK", Frame{Kind: KindConfirmed, Session: 7, Blksize: 1468, Windowsize: 4, Size: 100, Packets: 2, FirstSent: 150 * time.Microsecond, RoundTrip: 90 * time.Microsecond}},
	{"progress with a size that is not known", Frame{Kind: KindProgress, Session: 300, Blksize: 512, Windowsize: 1, Size: -1, Bytes: 1 << 20, Packets: 2050, Retransmissions: 2}},
	{"a complete session", Frame{Kind: KindFinal, Session: 1 << 40, Outcome: OutcomeComplete, Blksize: 512, Windowsize: 1, Size: 5, Bytes: 5, Packets: 1, FirstSent: 1}},
	{"a handler's error", Frame{Kind: KindFinal, Session: 1, Outcome: OutcomeRefused, Size: -1, ErrorCode: 1, Detail: "open \"\xff\": no such file"}},
	{"the ends of all ranges", Frame{
		Kind: KindFinal, Session: math.MaxUint64, Outcome: OutcomeStopped,
		Blksize: 65464, Windowsize: 65535, Size: math.MaxInt64,
		Bytes: math.MaxInt64, Packets: math.MaxInt64, Retransmissions: math.MaxInt64, FirstSent: math.MaxInt64,
		ErrorCode: 65535, Detail: strings.Repeat("d", MaxDetail),
	}},
	{"the longest request", Frame{
		Kind: KindRequest, Session: math.MaxUint64,
		Blksize: 65464, Windowsize: 65535, Size: math.MaxInt64,
		Bytes: math.MaxInt64, Packets: math.MaxInt64, Retransmissions: math.MaxInt64, FirstSent: math.MaxInt64,
		ErrorCode: 65535, Detail: strings.Repeat("d", MaxDetail), Request: strings.Repeat("r", MaxRequest),
	}},
}

func appendFrame(t testing.TB, b []byte, f *Frame) []byte {
	t.Helper()
	b, err := f.Append(b)
	if err != nil {
		t.Fatalf("encoding %+v: %v", f, err)
	}
	return b
}

// wrap puts a body into a frame.
func wrap(body []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(body))), body...)
}

// feed passes a stream to a new reader in pieces of n bytes.
func feed(stream []byte, n int) (got []Frame, r *FrameReader, err error) {
	r = &FrameReader{}
	for chunk := range slices.Chunk(stream, n) {
		if err = r.Feed(slices.Clone(chunk), func(f Frame) { got = append(got, f) }); err != nil {
			break
		}
	}
	return got, r, err
}

func TestAFrameIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	for _, tt := range frames {
		t.Run(tt.name, func(t *testing.T) {
			before := []byte("before")
			b := appendFrame(t, before, &tt.frame)
			if !bytes.HasPrefix(b, before) {
				t.Errorf("Append changed what was there: %q", b)
			}
			b = b[len(before):]
			if len(b) > MaxFrame {
				t.Errorf("%d bytes, at most %d are whole in a pipe", len(b), MaxFrame)
			}
			got, r, err := feed(b, len(b))
			if err != nil || len(got) != 1 || got[0] != tt.frame || r.Partial() {
				t.Errorf("%x\nis   %+v, %v\nwant %+v", b, got, err, tt.frame)
			}
		})
	}
}

func TestALongDetailIsCut(t *testing.T) {
	t.Parallel()
	for _, n := range []int{MaxDetail - 1, MaxDetail, MaxDetail + 1, 1 << 20} {
		f := frames[len(frames)-1].frame // all fields at their longest
		f.Detail = strings.Repeat("x", n)
		b := appendFrame(t, nil, &f)
		got, _, err := feed(b, len(b))
		want := f
		want.Detail = f.Detail[:min(n, MaxDetail)]
		if err != nil || len(got) != 1 || got[0] != want || len(b) > MaxFrame {
			t.Errorf("a detail of %d bytes: %d bytes, %d frames, %v; want one with a detail of %d", n, len(b), len(got), err, len(want.Detail))
		}
	}
}

func TestFramesComeInAnyPieces(t *testing.T) {
	t.Parallel()
	var stream []byte
	var want []Frame
	for _, tt := range frames {
		stream = appendFrame(t, stream, &tt.frame)
		want = append(want, tt.frame)
	}
	for n := 1; n <= len(stream); n++ {
		got, r, err := feed(stream, n)
		if err != nil || !slices.Equal(got, want) || r.Partial() {
			t.Errorf("in pieces of %d: %+v, partial %v, %v; want %+v", n, got, r.Partial(), err, want)
		}
		if cap(r.rest) != 0 {
			t.Errorf("in pieces of %d: %d bytes kept between frames", n, cap(r.rest))
		}
	}
}

func TestAnIncompleteFrameIsPartial(t *testing.T) {
	t.Parallel()
	whole := appendFrame(t, nil, &frames[0].frame)
	second := appendFrame(t, nil, &frames[4].frame)
	for i := range second {
		got, r, err := feed(append(slices.Clone(whole), second[:i]...), 1<<16)
		if err != nil || len(got) != 1 || r.Partial() != (i > 0) {
			t.Errorf("%d bytes of a second frame: %d frames, partial %v, %v; want 1, %v", i, len(got), r.Partial(), err, i > 0)
		}
	}
}

func TestEveryTruncationOfAFrameIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range frames {
		body := appendFrame(t, nil, &tt.frame)[frameHeaderLen:]
		for i := range body {
			if got, _, err := feed(wrap(body[:i]), 1<<16); !errors.Is(err, ErrMalformed) || len(got) != 0 {
				t.Errorf("%s: a frame of the first %d bytes of %x: %+v, %v; want %v", tt.name, i, body, got, err, ErrMalformed)
			}
		}
	}
}

func TestAFrameHasOneShape(t *testing.T) { // not parallel: it measures
	types := []string{"uint", "uint64", "uint", "uint", "uint", "int", "uint", "uint", "uint", "uint", "uint", "uint", "string", "string"}
	f := frames[1].frame
	f.Kind = KindRequest // the one that may have every field
	body := appendFrame(t, nil, &f)[frameHeaderLen:]
	testShape(t, body, types, func(b []byte) error {
		_, _, err := feed(wrap(b), 1<<16)
		return err
	})
}

func TestAFrameOutOfRangeIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*Frame)
	}{
		{"no kind", func(f *Frame) { f.Kind = 0 }},
		{"a kind that does not exist", func(f *Frame) { f.Kind = kindEnd }},
		{"the end without an outcome", func(f *Frame) { f.Kind, f.Outcome = KindFinal, OutcomeNone }},
		{"an outcome that only the supervisor can know", func(f *Frame) { f.Kind, f.Outcome = KindFinal, OutcomeCrashed }},
		{"such an outcome before the end", func(f *Frame) { f.Outcome = OutcomeSuperseded }},
		{"a block size above 65535", func(f *Frame) { f.Blksize = 65536 }},
		{"a window above 65535", func(f *Frame) { f.Windowsize = 65536 }},
		{"a size below unknown", func(f *Frame) { f.Size = -2 }},
		{"more bytes than an int64 counts", func(f *Frame) { f.Bytes = 1 << 63 }},
		{"more packets than an int64 counts", func(f *Frame) { f.Packets = 1 << 63 }},
		{"more retransmissions than an int64 counts", func(f *Frame) { f.Retransmissions = 1 << 63 }},
		{"an answer before the request", func(f *Frame) { f.FirstSent = -1 }},
		{"a round trip below nothing", func(f *Frame) { f.RoundTrip = -1 }},
		{"a request where there is none", func(f *Frame) { f.Request = "r" }},
	} {
		f := frames[1].frame
		tt.change(&f)
		if got, _, err := feed(appendFrame(t, nil, &f), 1<<16); !errors.Is(err, ErrMalformed) || len(got) != 0 {
			t.Errorf("%s: %+v, %v; want %v", tt.name, got, err, ErrMalformed)
		}
	}
	// Append would cut it.
	for i, most := range map[int]int{frameFields - 2: MaxDetail, frameFields - 1: MaxRequest} {
		fields := cut(t, appendFrame(t, nil, &Frame{Kind: KindRequest, Size: -1})[frameHeaderLen:])
		for _, more := range []int{0, 1} {
			n := most + more
			fields[i] = append([]byte{0xda, byte(n >> 8), byte(n)}, make([]byte, n)...)
			if _, _, err := feed(wrap(paste(fields)), 1<<16); errors.Is(err, ErrMalformed) != (more == 1) {
				t.Errorf("a text of %d bytes in field %d: %v, want it refused above %d", n, i, err, most)
			}
		}
	}
}

func TestAFrameThatIsTooLongIsRefusedByItsHeader(t *testing.T) { // not parallel: it measures
	for _, n := range []uint16{MaxFrame - frameHeaderLen + 1, 65535} {
		header := binary.BigEndian.AppendUint16(nil, n)
		cost, err := measure(header, func(b []byte) error {
			_, _, err := feed(b, 2)
			return err
		})
		if !errors.Is(err, ErrMalformed) || cost > costBound(header) {
			t.Errorf("a frame of %d bytes: %v at the cost of %d bytes, want %v", n, err, cost, ErrMalformed)
		}
	}
	if _, r, err := feed([]byte{(MaxFrame - frameHeaderLen) >> 8, (MaxFrame - frameHeaderLen) & 0xff}, 2); err != nil || !r.Partial() {
		t.Errorf("the header of a frame of %d bytes: %v, want to wait for the rest", MaxFrame, err)
	}
}

func TestFramesBeforeABrokenOneCount(t *testing.T) {
	t.Parallel()
	stream := appendFrame(t, nil, &frames[0].frame)
	stream = appendFrame(t, stream, &frames[1].frame)
	stream = append(stream, wrap([]byte{0xc0})...)
	stream = appendFrame(t, stream, &frames[2].frame)
	for n := 1; n <= len(stream); n++ {
		if got, _, err := feed(stream, n); !errors.Is(err, ErrMalformed) || len(got) != 2 {
			t.Errorf("in pieces of %d: %d frames, %v; want 2, %v", n, len(got), err, ErrMalformed)
		}
	}
}

func FuzzFrameReader(f *testing.F) {
	var all []byte
	for _, tt := range frames {
		b := appendFrame(f, nil, &tt.frame)
		f.Add(b, uint16(3))
		all = append(all, b...)
	}
	f.Add(all, uint16(100))
	for _, sample := range samples {
		f.Add(wrap(unhex(f, sample)), uint16(1))
	}
	f.Fuzz(func(t *testing.T, stream []byte, n uint16) {
		var whole []Frame
		var r *FrameReader
		cost, err := measureRoughly(stream, func(b []byte) (err error) { whole, r, err = feed(b, len(b)+1); return err })
		if most := costBound(stream) + 1<<20; cost > most { // the fuzzing engine allocates too
			t.Errorf("%x allocated %d bytes, at most %d are right", stream, cost, most)
		}
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%x: %v, want %v", stream, err, ErrMalformed)
		}
		if len(r.rest) >= MaxFrame {
			t.Errorf("%x: %d bytes kept", stream, len(r.rest))
		}
		pieces, r2, err2 := feed(stream, max(int(n), 1))
		if !slices.Equal(pieces, whole) || (err2 == nil) != (err == nil) || err == nil && r2.Partial() != r.Partial() {
			t.Errorf("%x in pieces of %d: %+v, %v\nas a whole: %+v, %v", stream, n, pieces, err2, whole, err)
		}
		for _, want := range whole {
			b := appendFrame(t, nil, &want)
			if got, _, err := feed(b, len(b)); err != nil || len(got) != 1 || got[0] != want {
				t.Errorf("%x became %+v (%v), want %+v", b, got, err, want)
			}
		}
	})
}
