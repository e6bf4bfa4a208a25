package worker_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/worker"
)

// TestEndings plays every way in which a session can end, and holds what is the
// same in all: the Response is closed once, its context lives until then and no
// longer, and the final stats say what happened.
func TestEndings(t *testing.T) {
	t.Parallel()
	const failure = "Server error, see its log"
	thenFails := func(n int) io.Reader {
		return io.MultiReader(bytes.NewReader(text(n)), iotest.ErrReader(errors.New("secret disk")))
	}
	for _, tt := range []struct {
		name    string
		options []string
		retries bool // a short timeout, to see retransmissions
		content io.Reader
		size    int64
		script  func(p *peer)
		want    ipc.Frame
	}{
		{
			name: "complete", content: bytes.NewReader(text(600)), size: 600,
			script: func(p *peer) { p.expectData(1, text(512)); p.ack(1); p.expectData(2, text(600)[512:]); p.ack(2) },
			want:   ipc.Frame{Outcome: ipc.OutcomeComplete, Size: 600, Bytes: 600, Packets: 2},
		},
		{
			name: "complete in one window", options: []string{"windowsize", "4", "blksize", "100"}, content: bytes.NewReader(text(300)), size: -1,
			script: func(p *peer) {
				p.expectOACK("windowsize", "4", "blksize", "100")
				p.ack(0)
				p.expectData(1, text(100))
				p.expectData(2, text(200)[100:])
				p.expectData(3, text(300)[200:])
				p.expectData(4, nil)
				p.ack(4)
			},
			want: ipc.Frame{Outcome: ipc.OutcomeComplete, Size: -1, Bytes: 300, Packets: 5, Blksize: 100, Windowsize: 4},
		},
		{
			name: "the first read fails", content: iotest.ErrReader(errors.New("secret disk")), size: -1,
			script: func(p *peer) { p.expectError(0, failure) },
			want:   ipc.Frame{Outcome: ipc.OutcomeRefused, Size: -1, Detail: "secret disk"},
		},
		{
			name: "a later read fails", content: thenFails(600), size: -1,
			script: func(p *peer) { p.expectData(1, text(512)); p.ack(1); p.expectError(0, failure) },
			want:   ipc.Frame{Outcome: ipc.OutcomeAborted, Size: -1, Bytes: 512, Packets: 1, Detail: "secret disk"},
		},
		{
			// Nothing is awaited from the client before it hears of it.
			name: "a later read fails while the OACK is under way", options: []string{"windowsize", "4"}, content: thenFails(600), size: -1,
			script: func(p *peer) { p.expectOACK("windowsize", "4"); p.expectError(0, failure) },
			want:   ipc.Frame{Outcome: ipc.OutcomeAborted, Size: -1, Packets: 1, Windowsize: 4, Detail: "secret disk"},
		},
		{
			name: "the content is short of its promise", content: bytes.NewReader(text(700)), size: 1000,
			script: func(p *peer) { p.expectData(1, text(512)); p.ack(1); p.expectError(0, failure) },
			want:   ipc.Frame{Outcome: ipc.OutcomeAborted, Size: 1000, Bytes: 512, Packets: 1, Detail: "content ended after 700 of 1000 bytes"},
		},
		{
			name: "the content was cut short at its source", content: io.MultiReader(bytes.NewReader(text(700)), iotest.ErrReader(io.ErrUnexpectedEOF)), size: -1,
			script: func(p *peer) { p.expectData(1, text(512)); p.ack(1); p.expectError(0, failure) },
			want:   ipc.Frame{Outcome: ipc.OutcomeAborted, Size: -1, Bytes: 512, Packets: 1, Detail: "unexpected EOF"},
		},
		{
			name: "the peer gives up", content: bytes.NewReader(text(600)), size: 600,
			script: func(p *peer) {
				p.expectData(1, text(512))
				p.ack(1)
				p.expectData(2, text(600)[512:])
				p.send("\x00\x05\x00\x03no room\x00")
			},
			want: ipc.Frame{Outcome: ipc.OutcomePeerError, Size: 600, Bytes: 512, Packets: 2, ErrorCode: 3, Detail: "no room"},
		},
		{
			name: "ERROR 0 after DATA", content: bytes.NewReader(text(600)), size: 600,
			script: func(p *peer) { p.expectData(1, text(512)); p.send("\x00\x05\x00\x00bye") },
			want:   ipc.Frame{Outcome: ipc.OutcomePeerError, Size: 600, Packets: 1, Detail: "bye"},
		},
		{
			name: "ERROR 8 after the OACK", options: []string{"tsize", "0"}, content: bytes.NewReader(text(600)), size: 600,
			script: func(p *peer) { p.expectOACK("tsize", "600"); p.send("\x00\x05\x00\x08only asking\x00") },
			want:   ipc.Frame{Outcome: ipc.OutcomeDeclined, Size: 600, Packets: 1, ErrorCode: 8, Detail: "only asking"},
		},
		{
			name: "ERROR 0 after the OACK", options: []string{"tsize", "0"}, content: bytes.NewReader(text(600)), size: 600,
			script: func(p *peer) { p.expectOACK("tsize", "600"); p.send("\x00\x05\x00\x00TFTP Aborted\x00") },
			want:   ipc.Frame{Outcome: ipc.OutcomeDeclined, Size: 600, Packets: 1, Detail: "TFTP Aborted"},
		},
		{
			name: "another ERROR after the OACK", options: []string{"tsize", "0"}, content: bytes.NewReader(text(600)), size: 600,
			script: func(p *peer) { p.expectOACK("tsize", "600"); p.send("\x00\x05\x00\x03no room\x00") },
			want:   ipc.Frame{Outcome: ipc.OutcomePeerError, Size: 600, Packets: 1, ErrorCode: 3, Detail: "no room"},
		},
		{
			name: "the peer never answers", retries: true, content: bytes.NewReader(text(600)), size: 600,
			script: func(p *peer) {
				for range 3 {
					p.expectData(1, text(512))
				}
			},
			want: ipc.Frame{Outcome: ipc.OutcomeTimedOut, Size: 600, Packets: 3, Retransmissions: 2},
		},
		{
			name: "the peer never answers the OACK", retries: true, options: []string{"windowsize", "16"}, content: bytes.NewReader(text(6000)), size: 6000,
			script: func(p *peer) {
				for range 3 {
					p.expectOACK("windowsize", "16")
				}
			},
			want: ipc.Frame{Outcome: ipc.OutcomeTimedOut, Size: 6000, Packets: 3, Retransmissions: 2, Windowsize: 16},
		},
		{
			name: "the supervisor ends it", content: bytes.NewReader(text(600)), size: 600,
			script: func(p *peer) {
				p.expectData(1, text(512))
				p.send("") // an empty datagram is no end of file
				unix.Shutdown(p.socket, unix.SHUT_RD)
				p.expectError(0, "Server ended the session")
			},
			want: ipc.Frame{Outcome: ipc.OutcomeStopped, Size: 600, Packets: 1, Detail: "the supervisor ended the session"},
		},
		{
			name: "the supervisor ends it without a word", content: bytes.NewReader(text(600)), size: 600,
			script: func(p *peer) { p.expectData(1, text(512)); unix.Shutdown(p.socket, unix.SHUT_RDWR) },
			want:   ipc.Frame{Outcome: ipc.OutcomeStopped, Size: 600, Packets: 1, Detail: "the supervisor ended the session"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			job := p.job(tt.options...)
			if tt.retries {
				job.Timeout = 5 * time.Millisecond
			}
			var closed atomic.Int32
			var life context.Context
			r := p.start(job, worker.HandlerFunc(func(ctx context.Context, _ *worker.Request) (worker.Response, error) {
				life = ctx
				return &stream{Reader: tt.content, size: tt.size, closed: func() {
					closed.Add(1)
					if err := ctx.Err(); err != nil {
						t.Errorf("at Close, the context has ended: %v", err)
					}
				}}, nil
			}), time.Minute)
			tt.script(p)
			got := r.end()
			p.expectSilence()

			if !tt.retries {
				got = once(got)
			}
			want := tt.want
			want.Kind, want.Session = ipc.KindFinal, job.Session
			if want.Blksize == 0 {
				want.Blksize = 512
			}
			if want.Windowsize == 0 {
				want.Windowsize = 1
			}
			want.FirstSent, want.RoundTrip = got.FirstSent, got.RoundTrip
			if got != want || got.FirstSent <= 0 || got.Bytes > 0 && got.RoundTrip <= 0 {
				t.Errorf("%+v\nwant %+v", got, want)
			}
			if n := closed.Load(); n != 1 {
				t.Errorf("the Response was closed %d times", n)
			}
			if life.Err() == nil {
				t.Error("the context outlives the session")
			}
			if b, err := got.Append(nil); err != nil {
				t.Errorf("the stats do not encode: %v", err)
			} else if err := new(ipc.FrameReader).Feed(b, func(ipc.Frame) {}); err != nil {
				t.Errorf("the supervisor would refuse the stats: %v", err)
			}
		})
	}
}

func TestASessionWhosePeerIsGoneEnds(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	// An address that no other test uses: nobody else gets this port.
	gone, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 1, 1)})
	if err != nil {
		t.Fatal(err)
	}
	to := gone.LocalAddr().(*net.UDPAddr).AddrPort()
	if err := unix.Connect(p.socket, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
	gone.Close()
	r := p.start(p.job(), servesBytes(text(600)), time.Minute)
	if f := r.end(); f.Outcome != ipc.OutcomePeerGone || f.Packets != 1 || f.Bytes != 0 {
		t.Errorf("%+v, want %v after one packet", f, ipc.OutcomePeerGone)
	}
}

// TestASessionThatIsSupersededBeforeItsAnswerIsSilent: its client is in another
// session, and would take an ERROR for that one's.
func TestASessionThatIsSupersededBeforeItsAnswerIsSilent(t *testing.T) {
	t.Parallel()
	for _, h := range []worker.Handler{fails(fs.ErrNotExist), servesBytes(text(600))} {
		p := newPeer(t)
		r := p.start(p.job(), worker.HandlerFunc(func(ctx context.Context, req *worker.Request) (worker.Response, error) {
			unix.Shutdown(p.socket, unix.SHUT_RDWR)
			return h.Open(ctx, req)
		}), time.Minute)
		f := r.end()
		p.expectSilence()
		if f.Outcome != ipc.OutcomeRefused && f.Outcome != ipc.OutcomeStopped || strings.Contains(f.Detail, "pipe") {
			t.Errorf("%+v; want refused or stopped, and no word of the shut socket", f)
		}
	}
}
