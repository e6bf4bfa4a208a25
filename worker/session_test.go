package worker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"brood/ipc"
	"brood/protocol"
	"brood/worker"
	"brood/worker/workertest"
)

func text(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

// stream is a Response of a reader; size -1 is not known.
type stream struct {
	io.Reader
	size   int64
	closed func()
}

func (s *stream) Size() (int64, bool) { return s.size, s.size >= 0 }
func (s *stream) Close() error {
	if s.closed != nil {
		s.closed()
	}
	return nil
}

func serves(open func() (worker.Response, error)) worker.Handler {
	return worker.HandlerFunc(func(context.Context, *worker.Request) (worker.Response, error) { return open() })
}

func servesBytes(b []byte) worker.Handler {
	return serves(func() (worker.Response, error) { return worker.Bytes(b), nil })
}

func fails(err error) worker.Handler {
	return serves(func() (worker.Response, error) { return nil, err })
}

func option(name string, value int) protocol.Option {
	return protocol.Option{Name: name, Value: strconv.Itoa(value)}
}

func TestEveryFileArrivesWhole(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		options []protocol.Option
		sizes   []int
	}{
		{"without options", nil, []int{0, 1, 511, 512, 513, 1023, 1024, 1025, 100_000}},
		{"smallest blocks", []protocol.Option{option("blksize", 8)}, []int{0, 7, 8, 9, 800}},
		{"boot ROM blocks", []protocol.Option{option("tsize", 0), option("blksize", 1428)}, []int{0, 1427, 1428, 1429, 14280, 70_000}},
		{"largest blocks", []protocol.Option{option("blksize", 65464)}, []int{0, 65463, 65464, 65465, 200_000}},
		{"a window", []protocol.Option{option("windowsize", 4)}, []int{0, 1, 4*512 - 1, 4 * 512, 4*512 + 1, 5 * 512, 8 * 512, 100_001}},
		{"a window of boot ROM blocks", []protocol.Option{option("windowsize", 8), option("blksize", 1428)}, []int{0, 7 * 1428, 8*1428 - 1, 8 * 1428, 8*1428 + 1, 16 * 1428, 200_000}},
		{"a window larger than the file", []protocol.Option{option("windowsize", 64)}, []int{0, 512, 5000}},
	} {
		for _, n := range tt.sizes {
			for _, kind := range []string{"known", "unknown", "byte by byte"} {
				t.Run(fmt.Sprintf("%s/%d bytes, size %s", tt.name, n, kind), func(t *testing.T) {
					t.Parallel()
					want := text(n)
					h := servesBytes(want)
					switch kind {
					case "unknown":
						h = serves(func() (worker.Response, error) {
							return &stream{Reader: bytes.NewReader(want), size: -1}, nil
						})
					case "byte by byte":
						h = serves(func() (worker.Response, error) {
							return &stream{Reader: iotest.OneByteReader(bytes.NewReader(want)), size: -1}, nil
						})
					}
					r := workertest.Get(t, h, "file", tt.options...)
					if r.Err != nil || !bytes.Equal(r.Content, want) {
						t.Errorf("%d bytes, ERROR %v (%s); want %d bytes", len(r.Content), r.Err, r.Detail, len(want))
					}
					var acked []protocol.Option
					for _, o := range tt.options {
						if o.Name == "tsize" {
							if kind != "known" || len(want) == 0 { // an empty file's is not told: see protocol.Negotiate
								continue
							}
							o.Value = strconv.Itoa(len(want))
						}
						acked = append(acked, o)
					}
					if !reflect.DeepEqual(r.OACK, acked) {
						t.Errorf("OACK %v, want %v", r.OACK, acked)
					}
				})
			}
		}
	}
}

func TestNetasciiIsTranslated(t *testing.T) {
	t.Parallel()
	for _, plain := range []string{"", "\n", "\r", "a line\nand\ranother\r\n", strings.Repeat("x", 511) + "\n", strings.Repeat("x", 510) + "\n", strings.Repeat("\r\n", 3000)} {
		for _, known := range []bool{true, false} {
			h := servesBytes([]byte(plain))
			if !known {
				h = serves(func() (worker.Response, error) {
					return &stream{Reader: strings.NewReader(plain), size: -1}, nil
				})
			}
			// The client translates it back. tsize would be the translated size, which nobody knows.
			r := workertest.GetNetascii(t, h, "file", option("tsize", 0), option("windowsize", 3))
			if r.Err != nil || string(r.Content) != plain {
				t.Errorf("%.20q, known %v: %.20q (%d bytes), ERROR %v", plain, known, r.Content, len(r.Content), r.Err)
			}
			if want := []protocol.Option{option("windowsize", 3)}; !reflect.DeepEqual(r.OACK, want) {
				t.Errorf("%.20q: OACK %v, want %v", plain, r.OACK, want)
			}
		}
	}
}

func TestAHandlersErrorReachesTheClientAsAllowed(t *testing.T) {
	t.Parallel()
	const other = "Server error, see its log"
	for _, tt := range []struct {
		name   string
		h      worker.Handler
		want   protocol.Error
		detail string
	}{
		{
			"missing", fails(&fs.PathError{Op: "open", Path: "/srv/secret", Err: fs.ErrNotExist}),
			protocol.Error{Code: protocol.CodeNotFound, Message: "File not found"},
			"open /srv/secret: file does not exist",
		},
		{
			"not permitted", fails(&fs.PathError{Op: "open", Path: "/srv/secret", Err: fs.ErrPermission}),
			protocol.Error{Code: protocol.CodeAccessViolation, Message: "Access violation"},
			"open /srv/secret: permission denied",
		},
		{
			"the handler's own", fails(fmt.Errorf("secret: %w", &protocol.Error{Code: protocol.CodeDiskFull, Message: "try the other server"})),
			protocol.Error{Code: protocol.CodeDiskFull, Message: "try the other server"},
			"secret: disk full: try the other server",
		},
		{
			"anything else", fails(errors.New("database password is secret")),
			protocol.Error{Message: other},
			"database password is secret",
		},
		{
			"neither response nor error", fails(nil),
			protocol.Error{Message: other},
			"the handler returned neither a response nor an error",
		},
		{"the first read", serves(func() (worker.Response, error) {
			return &stream{Reader: iotest.ErrReader(errors.New("secret disk")), size: -1}, nil
		}), protocol.Error{Message: other}, "secret disk"},
		{"the first block is short of the promise", serves(func() (worker.Response, error) {
			return &stream{Reader: strings.NewReader("abc"), size: 4}, nil
		}), protocol.Error{Message: other}, "content ended after 3 of 4 bytes"},
		{"the first read says that it is missing", serves(func() (worker.Response, error) {
			return &stream{Reader: iotest.ErrReader(fs.ErrNotExist), size: -1}, nil
		}), protocol.Error{Code: protocol.CodeNotFound, Message: "File not found"}, "file does not exist"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := workertest.Get(t, tt.h, "file", option("blksize", 1428), option("tsize", 0))
			if r.Err == nil || *r.Err != tt.want || r.Detail != tt.detail {
				t.Errorf("ERROR %+v, log %q; want %+v, %q", r.Err, r.Detail, tt.want, tt.detail)
			}
			if r.OACK != nil || len(r.Content) != 0 {
				t.Errorf("OACK %v and %d bytes before the ERROR, want it in their place", r.OACK, len(r.Content))
			}
		})
	}
}

func TestAHandlerSeesTheRequestAsItWasAsked(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	job := p.job("BLKSIZE", "1428", "x-vendor", "", "tsize", "0")
	job.MAC, job.File, job.Mode = "52:54:00:12:34:56", "\xff\n", uint8(protocol.Netascii)
	want := worker.Request{
		Peer: p.addr(), Local: p.local, MAC: job.MAC, File: job.File, Mode: protocol.Netascii,
		Options: []protocol.Option{{Name: "BLKSIZE", Value: "1428"}, {Name: "x-vendor"}, {Name: "tsize", Value: "0"}},
	}
	var got worker.Request
	r := p.start(job, worker.HandlerFunc(func(_ context.Context, req *worker.Request) (worker.Response, error) {
		got = *req
		got.Options = append([]protocol.Option(nil), req.Options...)
		clear(req.Options) // what a handler does to its copy is its own affair
		return worker.Bytes([]byte("\n")), nil
	}), time.Minute)
	p.expectOACK("BLKSIZE", "1428")
	p.ack(0)
	p.expectData(1, []byte("\r\n"))
	p.ack(1)
	if f := r.end(); f.Outcome != ipc.OutcomeComplete {
		t.Errorf("%+v", f)
	}
	// It left this process, as a request's time does, and came back with a reading
	// of the monotonic clock.
	if since := time.Since(got.Received); since < 0 || since > time.Minute || got.Received == got.Received.Round(0) {
		t.Errorf("received at %v, %v ago", got.Received, since)
	}
	want.Received = got.Received
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the handler saw %+v, want %+v", got, want)
	}
}

func TestWhatAServerAllowsIsNotExceeded(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	job := p.job("blksize", "65464", "windowsize", "65535", "retries", "100", "timeout", "60")
	job.MaxBlksize, job.MaxWindowsize = 1024, 2
	r := p.start(job, servesBytes(text(2000)), time.Minute)
	p.expectOACK("blksize", "1024", "windowsize", "2", "timeout", "60")
	p.ack(0)
	p.expectData(1, text(1024))
	p.expectData(2, text(2000)[1024:])
	p.ack(2)
	f := r.end()
	if f.Outcome != ipc.OutcomeComplete || f.Blksize != 1024 || f.Windowsize != 2 {
		t.Errorf("%+v; want complete, blksize 1024, windowsize 2", f)
	}
}

func TestAHugeWindowIsAnsweredWithASmallerOne(t *testing.T) {
	t.Parallel()
	h := serves(func() (worker.Response, error) {
		return &stream{Reader: bytes.NewReader(text(100_000)), size: -1}, nil
	})
	r := workertest.Get(t, h, "file", option("windowsize", 65535), option("blksize", 65464))
	if want := []protocol.Option{option("windowsize", 128), option("blksize", 65464)}; !reflect.DeepEqual(r.OACK, want) || r.Err != nil || !bytes.Equal(r.Content, text(100_000)) {
		t.Errorf("OACK %v, %d bytes, ERROR %v; want %v and 100000 bytes", r.OACK, len(r.Content), r.Err, want)
	}
}

// What a client has then may be a part of each: it must not take that for a file.
func TestAFileThatIsWrittenToIsNeverServedToItsEnd(t *testing.T) {
	t.Parallel()
	const size, changed = 3000, "File was changed while it was sent"
	for _, tt := range []struct {
		name   string
		change func(path string) error
		detail string
	}{
		{"nothing", func(string) error { return nil }, ""},
		{"read by others", func(path string) error { _, err := os.ReadFile(path); return err }, ""},
		{"removed", os.Remove, ""},
		{"made unreadable", func(path string) error { return os.Chmod(path, 0) }, ""},
		{"replaced", func(path string) error {
			if err := os.WriteFile(path+".new", text(2*size), 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}, ""},
		{"overwritten in place", func(path string) error { return os.WriteFile(path, make([]byte, size), 0) }, changed},
		{"grown", func(path string) error { return os.Truncate(path, size+1000) }, changed},
		{"one byte shorter", func(path string) error { return os.Truncate(path, size-1) }, "content ended after 2999 of 3000 bytes"},
		{"a block long", func(path string) error { return os.Truncate(path, 512) }, "content ended after 512 of 3000 bytes"},
		{"empty", func(path string) error { return os.Truncate(path, 0) }, "content ended after 0 of 3000 bytes"},
	} {
		for _, windowsize := range []int{1, 4, 64} {
			path := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(path, text(size), 0o600); err != nil {
				t.Fatal(err)
			}
			// Before Linux 6.13 a write in the tick of this one could not be seen.
			if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
				t.Fatal(err)
			}
			h := serves(func() (worker.Response, error) {
				f, err := os.Open(path)
				if err != nil {
					return nil, err
				}
				r, err := worker.File(f)
				if err != nil {
					return nil, err
				}
				return r, tt.change(path)
			})
			r := workertest.Get(t, h, "file", option("windowsize", windowsize))
			switch {
			case tt.detail == "" && (r.Err != nil || !bytes.Equal(r.Content, text(size))):
				t.Errorf("%s, windowsize %d: %d bytes, ERROR %v (%s); want all", tt.name, windowsize, len(r.Content), r.Err, r.Detail)
			case tt.detail != "" && (r.Err == nil || r.Err.Code != protocol.CodeUndefined || !strings.Contains(r.Detail, tt.detail)):
				t.Errorf("%s, windowsize %d: %d bytes, ERROR %v (%s); want an ERROR (%s)", tt.name, windowsize, len(r.Content), r.Err, r.Detail, tt.detail)
			}
		}
	}
}

func TestStrangePacketsAreNotAnswered(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	// With a timeout of its own nothing is sent again but for a packet.
	r := p.start(p.job("timeout", "60"), servesBytes(text(600)), time.Minute)
	p.expectOACK("timeout", "60")
	p.ack(0)
	p.expectData(1, text(512))
	for _, packet := range []string{
		"", "\x00", "\x00\x04", "\x00\x04\x00", // cut short
		"\x00\x01f\x00octet\x00", "\x00\x02f\x00octet\x00", "\x00\x03\x00\x01x", "\x00\x06", "\x00\x00", "\xff\xff",
		"\x00\x04\x00\x00", "\x00\x04\x00\x02", "\x00\x04\xff\xff", // ACKs of what was not sent, or not needed
		strings.Repeat("\x00\x04\x00\x02", 10_000),
	} {
		p.send(packet)
	}
	p.ack(1)
	p.expectData(2, text(600)[512:])
	p.ack(1) // a duplicate: in lock-step only the timer repeats
	p.ack(2)
	f := r.end()
	p.expectSilence()
	if f.Outcome != ipc.OutcomeComplete || f.Packets != 3 || f.Retransmissions != 0 {
		t.Errorf("%+v; want complete with 3 packets", f)
	}
}

func TestLostPacketsAreRepaired(t *testing.T) {
	t.Parallel()
	t.Run("the timer in lock-step", func(t *testing.T) {
		t.Parallel()
		p := newPeer(t)
		job := p.job()
		job.Timeout, job.Retries = 5*time.Millisecond, 1000
		r := p.start(job, servesBytes(text(600)), time.Minute)
		p.expectData(1, text(512))
		p.expectData(1, text(512))
		p.ack(1)
		p.expectData(2, text(600)[512:])
		p.ack(2)
		if f := r.end(); f.Outcome != ipc.OutcomeComplete || f.Retransmissions == 0 || f.Packets != f.Retransmissions+2 || f.Bytes != 600 {
			t.Errorf("%+v; want complete, each packet but two a retransmission", f)
		}
	})
	t.Run("an ACK inside the window", func(t *testing.T) {
		t.Parallel()
		p := newPeer(t)
		want := text(700)
		block := func(n uint16) { t.Helper(); p.expectData(n, want[(n-1)*100:min(int(n)*100, 700)]) }
		// The source can't be read again: what is sent twice must have been kept.
		r := p.start(p.job("windowsize", "4", "blksize", "100"), serves(func() (worker.Response, error) {
			return &stream{Reader: iotest.OneByteReader(bytes.NewReader(want)), size: -1}, nil
		}), time.Minute)
		p.expectOACK("windowsize", "4", "blksize", "100")
		p.ack(0)
		for n := range uint16(4) {
			block(n + 1)
		}
		p.ack(1) // block 2 was lost
		for n := range uint16(4) {
			block(n + 2)
		}
		p.ack(5)
		block(6)
		block(7)
		p.expectData(8, nil)
		p.ack(8)
		if f := r.end(); f.Outcome != ipc.OutcomeComplete || f.Retransmissions < 3 || once(f).Packets != 9 || f.Bytes != 700 {
			t.Errorf("%+v; want complete, 9 packets and 3 of them again", f)
		}
	})
}

// TestASlowSourceReachesItsClientAsItComes: the source gives its second block
// only when the client has the first.
func TestASlowSourceReachesItsClientAsItComes(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	content, more := io.Pipe()
	r := p.start(p.job("windowsize", "4"), serves(func() (worker.Response, error) {
		return &stream{Reader: content, size: -1}, nil
	}), time.Minute)
	go more.Write(text(512))
	p.expectOACK("windowsize", "4")
	p.ack(0)
	go func() {
		more.Write(text(512))
		more.Close()
	}()
	p.expectData(1, text(512))
	p.expectData(2, text(512))
	p.expectData(3, nil)
	p.ack(3)
	if f := r.end(); f.Outcome != ipc.OutcomeComplete || f.Bytes != 1024 {
		t.Errorf("%+v; want complete with 1024 bytes", f)
	}
}

func TestTheFirstValidACKIsReportedOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	for _, confirm := range []bool{true, false} {
		p := newPeer(t)
		job := p.job()
		job.Confirm = confirm
		r := p.start(job, servesBytes(text(1500)), time.Minute)
		if got := p.fetch(); !bytes.Equal(got, text(1500)) {
			t.Errorf("fetched %d bytes", len(got))
		}
		r.end()
		confirmed := 0
		for _, f := range r.reported {
			if f.Kind == ipc.KindConfirmed {
				confirmed++
				if f.Session != job.Session || f.Bytes != 512 {
					t.Errorf("%+v; want session %d with the first block", f, job.Session)
				}
			}
		}
		if want := map[bool]int{true: 1}[confirm]; confirmed != want {
			t.Errorf("confirm %v: reported %d times, want %d", confirm, confirmed, want)
		}
	}
}
