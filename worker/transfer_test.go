package worker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/protocol"
)

// unsized is a Response whose size is not known.
type unsized struct{ io.Reader }

func (unsized) Size() (int64, bool) { return 0, false }
func (unsized) Close() error        { return nil }

// begun returns a transfer before its first packet. It has no socket.
func begun(t *testing.T, job ipc.Job, resp Response, frames *[]ipc.Frame) *transfer {
	t.Helper()
	s := &Session{
		Job:    job,
		Socket: -1,
		in:     make([]byte, ipc.MaxRequest),
		socket: socket{fd: -1},
		stats:  ipc.Frame{Session: job.Session},
		Report: func(f *ipc.Frame) { *frames = append(*frames, *f) },
	}
	tr, err := s.begin(resp, Quirks{})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestNoClientCanAskForTooMuchMemory: 65,535 blocks of 65,464 bytes are 4 GB.
func TestNoClientCanAskForTooMuchMemory(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		blksize, windowsize string
		windows             uint32
	}{
		{"65464", "65535", maxWindowBytes / 65468},
		{"512", "65535", maxWindowBytes / 516},
		{"8", "65535", 65535},
		{"512", "64", 64},
	} {
		tr := begun(t, ipc.Job{
			File:    "f",
			Options: []ipc.Option{{Name: "windowsize", Value: tt.windowsize}, {Name: "blksize", Value: tt.blksize}},
		}, unsized{bytes.NewReader(make([]byte, 100<<10))}, nil)
		if len(tr.window.buf) > maxWindowBytes || tr.stats.Windowsize != tt.windows {
			t.Errorf("blksize %s, windowsize %s: a window of %d blocks in %d bytes, want %d blocks in at most %d",
				tt.blksize, tt.windowsize, tr.stats.Windowsize, len(tr.window.buf), tt.windows, maxWindowBytes)
		}
	}
}

// negative is a Response with a size that can't be.
type negative struct{ unsized }

func (negative) Size() (int64, bool) { return -5, true }

func TestANegativeSizeIsNotKnown(t *testing.T) {
	t.Parallel()
	resp := negative{unsized{bytes.NewReader(make([]byte, 5))}}
	tr := begun(t, ipc.Job{File: "f", Options: []ipc.Option{{Name: "tsize", Value: "0"}}}, resp, nil)
	if tr.stats.Size != -1 || tr.oack != nil || tr.window.final != 1 {
		t.Errorf("size %d, OACK %q, last block %d; want -1, none, 1", tr.stats.Size, tr.oack, tr.window.final)
	}
}

func TestProgressIsReportedOnceASecond(t *testing.T) {
	t.Parallel()
	var frames []ipc.Frame
	tr := begun(t, ipc.Job{Session: 7, File: "f"}, unsized{bytes.NewReader(make([]byte, 5000))}, &frames)
	start := time.Unix(1000, 0)
	tr.told = start
	tr.sender.Step(start, protocol.Event{Kind: protocol.EventStart})
	tr.sender.Step(start, protocol.Event{Kind: protocol.EventContent, Blocks: 1})
	var told []time.Duration
	for at := time.Duration(0); at <= 3500*time.Millisecond; at += 100 * time.Millisecond {
		if at == 1500*time.Millisecond {
			tr.sender.Step(start.Add(at), protocol.Event{Kind: protocol.EventAck, Block: 1})
		}
		before := len(frames)
		tr.progress(start.Add(at))
		if len(frames) > before {
			told = append(told, at)
		}
	}
	if want := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}; !slices.Equal(told, want) {
		t.Errorf("progress after %v, want %v", told, want)
	}
	for i, want := range []uint64{0, 512, 512} {
		if f := frames[i]; f.Kind != ipc.KindProgress || f.Session != 7 || f.Bytes != want || f.Blksize != 512 || f.Size != -1 {
			t.Errorf("frame %d: %+v; want progress of session 7 with %d bytes", i, f, want)
		}
	}
}

func TestTheFirstValidACKIsReportedAtOnceAndOnce(t *testing.T) {
	t.Parallel()
	for _, confirm := range []bool{true, false} {
		var frames []ipc.Frame
		tr := begun(t, ipc.Job{Confirm: confirm, File: "f"}, unsized{bytes.NewReader(make([]byte, 5000))}, &frames)
		now := time.Unix(1000, 0)
		tr.told = now
		tr.sender.Step(now, protocol.Event{Kind: protocol.EventStart})
		tr.progress(now)
		tr.sender.Step(now, protocol.Event{Kind: protocol.EventContent, Blocks: 2})
		tr.sender.Step(now, protocol.Event{Kind: protocol.EventAck, Block: 7}) // of a block that was never sent
		tr.progress(now)
		if len(frames) != 0 {
			t.Errorf("confirm %v: %+v before the first valid ACK", confirm, frames)
		}
		for block := range uint16(2) {
			tr.sender.Step(now, protocol.Event{Kind: protocol.EventAck, Block: block + 1})
			tr.progress(now)
		}
		want := 0
		if confirm {
			want = 1
		}
		if len(frames) != want || confirm && (frames[0].Kind != ipc.KindConfirmed || frames[0].Bytes != 512) {
			t.Errorf("confirm %v: %+v; want %d frames", confirm, frames, want)
		}
	}
}

func TestRequestsAreHandedBackWhenAsked(t *testing.T) {
	t.Parallel()
	for _, asked := range []bool{true, false} {
		var frames []ipc.Frame
		s, peer := connectedPair(t)
		tr := begun(t, ipc.Job{HandBack: asked, Session: 7, File: "f"}, unsized{bytes.NewReader(make([]byte, 5000))}, &frames)
		tr.socket = *s
		tr.sender.Step(time.Now(), protocol.Event{Kind: protocol.EventStart})
		tr.sender.Step(time.Now(), protocol.Event{Kind: protocol.EventContent, Blocks: 2})
		long := "\x00\x01" + strings.Repeat("f", 3000)
		for _, packet := range []string{"\x00\x01f\x00octet\x00", "\x00\x03not a request", "x", ""} {
			if _, err := unix.Write(peer, []byte(packet)); err != nil {
				t.Fatal(err)
			}
		}
		if ev, err := tr.next(time.Now().Add(100 * time.Millisecond)); err != nil || ev.Kind != protocol.EventTimer {
			t.Fatalf("%+v, %v; want none of it to be news for the sender", ev, err)
		}
		tr.mayHand = time.Now().Add(time.Hour)
		tr.handBack([]byte("\x00\x01too soon\x00octet\x00"))
		tr.mayHand = time.Time{}
		tr.handBack([]byte(long))
		want := []string{"\x00\x01f\x00octet\x00", long[:ipc.MaxRequest]}
		if !asked {
			want = want[1:] // what the test itself handed back
		}
		if len(frames) != len(want) {
			t.Fatalf("asked %v: %+v; want %d requests", asked, frames, len(want))
		}
		for i, f := range frames {
			b, err := f.Append(nil)
			if f.Kind != ipc.KindRequest || f.Session != 7 || f.Request[:min(len(f.Request), ipc.MaxRequest)] != want[i] || err != nil || len(b) > ipc.MaxFrame {
				t.Errorf("asked %v: frame %d: %+v, %v", asked, i, f, err)
			}
		}
		if tr.stats.Request != "" {
			t.Error("the next frame would have it, too")
		}
	}
}

// TestASlowSourceIsNotThePeersFault: the step begins an hour ago, as if reading
// the next block had taken that long.
func TestASlowSourceIsNotThePeersFault(t *testing.T) {
	t.Parallel()
	s, _ := connectedPair(t)
	tr := begun(t, ipc.Job{File: "f"}, unsized{bytes.NewReader(make([]byte, 5000))}, nil)
	tr.socket = *s
	start := time.Now()
	tr.step(start.Add(-2*time.Hour), protocol.Event{Kind: protocol.EventStart})
	action := tr.step(start.Add(-time.Hour), protocol.Event{Kind: protocol.EventAck, Block: 1})
	if tr.failed != nil || tr.window.read != 2 || action.Wake.Before(start) {
		t.Errorf("%v, %d blocks read, to be sent again at %v; want the second to be sent again after now, %v", tr.failed, tr.window.read, action.Wake, start)
	}
}

// TestOnlyACKAndERRORAreHeard: an answer to anything else could be answered, for ever.
func TestOnlyACKAndERRORAreHeard(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		wire string
		want protocol.EventKind
		ok   bool
	}{
		{"\x00\x04\x00\x07", protocol.EventAck, true},
		{"\x00\x04\x00\x07padded", protocol.EventAck, true},
		{"\x00\x05\x00\x08no\x00", protocol.EventError, true},
		{"\x00\x05\x00\x08", protocol.EventError, true},
		{"", 0, false},
		{"\x00", 0, false},
		{"\x00\x04", 0, false},
		{"\x00\x04\x00", 0, false},
		{"\x00\x05\x00", 0, false},
		{"\x00\x00\x00\x07", 0, false},
		{"\x00\x01f\x00octet\x00", 0, false},
		{"\x00\x02f\x00octet\x00", 0, false},
		{"\x00\x03\x00\x01data", 0, false},
		{"\x00\x06blksize\x008\x00", 0, false},
		{"\x00\x07\x00\x01", 0, false},
		{"\xff\xff\xff\xff", 0, false},
	} {
		if ev, ok := parse([]byte(tt.wire)); ok != tt.ok || ok && ev.Kind != tt.want {
			t.Errorf("%q: %+v, %v; want kind %d, %v", tt.wire, ev, ok, tt.want, tt.ok)
		}
	}
}

func TestOnlyABrokenSocketEndsASession(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err        error
		lost, gone bool
	}{
		{unix.ECONNREFUSED, false, true},
		{unix.EHOSTUNREACH, false, false},
		{unix.ENETUNREACH, false, false},
		{unix.ENOBUFS, false, false},
		{unix.EPERM, false, false},
		{unix.EMSGSIZE, false, false},
		{unix.EPIPE, false, false},
		{unix.EBADF, true, false},
		{unix.ENOTCONN, true, false},
		{errors.New("something else"), true, false},
	} {
		tr := &transfer{}
		if lost := tr.lost(tt.err); lost != tt.lost || tr.gone != tt.gone {
			t.Errorf("%v: lost %v, gone %v; want %v, %v", tt.err, lost, tr.gone, tt.lost, tt.gone)
		}
		if soft := !tt.lost && !tt.gone; soft != (tr.soft == tt.err) {
			t.Errorf("%v: kept %v for the log", tt.err, tr.soft)
		}
	}
}

// A worker that serves several sessions has one place for what comes in.
func TestNothingOfAPeerIsLeftForTheNextSession(t *testing.T) {
	t.Parallel()
	s, peer := connectedPair(t)
	refusal := (&protocol.Error{Code: protocol.CodeDiskFull, Message: "no room here"}).Append(nil)
	if _, err := unix.Write(peer, refusal); err != nil {
		t.Fatal(err)
	}
	in := make([]byte, ipc.MaxJob)
	serves := HandlerFunc(func(context.Context, *Request) (Response, error) { return Bytes([]byte("x")), nil })
	final, closed := serveOne(serves, Options{}.withDefaults(), ipc.Job{File: "f", Timeout: time.Second}, s.fd, in)
	if final == nil || !closed || final.Detail != "no room here" {
		t.Fatalf("it ended with %+v, closed %v; want what the peer said, and closed", final, closed)
	}
	if !bytes.Equal(in, make([]byte, len(in))) {
		t.Errorf("left behind: %q", bytes.TrimRight(in, "\x00"))
	}
}
