package client_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"brood/protocol"
	"brood/worker"
	"brood/worker/client"
)

func text(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8)
	}
	return b
}

func servesBytes(b []byte) worker.Handler {
	return worker.HandlerFunc(func(context.Context, *worker.Request) (worker.Response, error) {
		return worker.Bytes(b), nil
	})
}

func TestAClientFetchesAFile(t *testing.T) {
	t.Parallel()
	want := text(5000)
	server := mustServe(t, servesBytes(want), 1)
	c := client.Client{
		Local:   netip.MustParseAddr("127.0.0.1"),
		Options: []protocol.Option{{Name: "tsize", Value: "0"}, {Name: "blksize", Value: "1024"}, {Name: "windowsize", Value: "3"}},
	}
	var got bytes.Buffer
	r, err := c.Get(t.Context(), server, "file", &got)
	if err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Fatalf("%d bytes, %v; want %d", got.Len(), err, len(want))
	}
	if r.TID == server || r.TID.Addr() != server.Addr() {
		t.Errorf("the session's TID is %v, want a port of its own at %v", r.TID, server.Addr())
	}
	oack := []protocol.Option{{Name: "tsize", Value: "5000"}, {Name: "blksize", Value: "1024"}, {Name: "windowsize", Value: "3"}}
	if r.Size != 5000 || r.Bytes != 5000 || r.Terms.Blksize != 1024 || r.Terms.Windowsize != 3 || !reflect.DeepEqual(r.OACK, oack) {
		t.Errorf("%+v; want 5000 bytes in windows of 3 blocks of 1024", r)
	}
}

func TestAClientWithoutOptionsGetsTheDefaults(t *testing.T) {
	t.Parallel()
	server := mustServe(t, servesBytes(text(512)), 1)
	var got bytes.Buffer
	r, err := new(client.Client).Get(t.Context(), server, "file", &got)
	if err != nil || got.Len() != 512 || r.Size != -1 || r.OACK != nil || r.Terms.Blksize != 512 || r.Terms.Windowsize != 1 {
		t.Errorf("%d bytes, %+v, %v; want 512 bytes and RFC 1350's terms", got.Len(), r, err)
	}
}

func TestAClientAsksAgainFromTheSamePort(t *testing.T) {
	t.Parallel()
	peers := make(chan netip.AddrPort, 2)
	server := mustServe(t, worker.HandlerFunc(func(_ context.Context, r *worker.Request) (worker.Response, error) {
		peers <- r.Peer
		return worker.Bytes(text(600)), nil
	}), 2)
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 2 {
		var got bytes.Buffer
		r, err := new(client.Client).GetFrom(t.Context(), conn, server, "file", &got)
		if err != nil || !bytes.Equal(got.Bytes(), text(600)) || r.Requests < 1 {
			t.Errorf("%d bytes, %+v, %v", got.Len(), r, err)
		}
	}
	own := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	for range 2 {
		if peer := <-peers; peer != own {
			t.Errorf("a request came from %v, want %v", peer, own)
		}
	}
}

func TestOneClientServesManyGoroutines(t *testing.T) {
	t.Parallel()
	const n = 20
	server := mustServe(t, servesBytes(text(2000)), n)
	c := client.Client{Options: []protocol.Option{{Name: "windowsize", Value: "2"}}}
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			var got bytes.Buffer
			if _, err := c.Get(t.Context(), server, "file", &got); err != nil || !bytes.Equal(got.Bytes(), text(2000)) {
				t.Errorf("%d bytes, %v", got.Len(), err)
			}
		})
	}
	all.Wait()
}

func TestAServersERRORIsAnError(t *testing.T) {
	t.Parallel()
	server := mustServe(t, worker.HandlerFunc(func(context.Context, *worker.Request) (worker.Response, error) {
		return nil, fs.ErrNotExist
	}), 1)
	var got bytes.Buffer
	_, err := new(client.Client).Get(t.Context(), server, "\xff", &got)
	var e *protocol.Error
	if !errors.As(err, &e) || e.Code != protocol.CodeNotFound || e.Message != "File not found" || got.Len() != 0 {
		t.Errorf("%v, want the server's ERROR 1", err)
	}
	if err == nil || !strings.Contains(err.Error(), `"\xff" from 127.0.0.1:`) {
		t.Errorf("%v; want the file, quoted, and the server in it", err)
	}
}

func TestASilentServerIsAskedAgainAndThenGivenUp(t *testing.T) {
	t.Parallel()
	s := newScript(t, 1)
	c := client.Client{Timeout: time.Millisecond, Retries: 2}
	_, err := c.Get(t.Context(), s.addr(0), "f", new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), protocol.TimedOut.String()) {
		t.Errorf("%v, want %v", err, protocol.TimedOut)
	}
	for range 3 {
		s.expect(0, "\x00\x01f\x00octet\x00")
	}
	s.ports[0].SetReadDeadline(time.Unix(1, 0))
	if n, err := s.ports[0].Read(make([]byte, 100)); err == nil {
		t.Errorf("a fourth request of %d bytes, want the first and 2 more", n)
	}
}

func TestTheContextEndsTheWait(t *testing.T) {
	t.Parallel()
	s := newScript(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	s.play(func() {
		s.expect(0, "\x00\x01f\x00octet\x00")
		cancel()
	})
	c := client.Client{Timeout: time.Hour}
	for range 2 { // and it ends a wait that has not begun
		if _, err := c.Get(ctx, s.addr(0), "f", new(bytes.Buffer)); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want %v", err, context.Canceled)
		}
	}
}

// endsContext is a writer that ends a context when the content has arrived.
type endsContext struct {
	bytes.Buffer
	cancel context.CancelFunc
}

func (w *endsContext) Write(b []byte) (int, error) { w.cancel(); return w.Buffer.Write(b) }

func TestAContextThatEndsAfterTheLastBlockIsNoError(t *testing.T) {
	t.Parallel()
	server := mustServe(t, servesBytes([]byte("x")), 1)
	ctx, cancel := context.WithCancel(t.Context())
	w := &endsContext{cancel: cancel}
	if _, err := new(client.Client).Get(ctx, server, "f", w); err != nil || w.String() != "x" {
		t.Errorf("%q, %v; want the file, which was there", w.String(), err)
	}
}

func TestAStrangerIsTurnedAwayAndTheTransferGoesOn(t *testing.T) {
	t.Parallel()
	s := newScript(t, 3) // the request port, the session, a stranger
	s.play(func() {
		s.expect(0, "\x00\x01f\x00octet\x00")
		s.send(1, "\x00\x03\x00\x01"+string(text(512)))
		s.expect(1, "\x00\x04\x00\x01")
		s.send(2, "\x00\x03\x00\x02forged")
		s.expect(2, "\x00\x05\x00\x05Unknown transfer ID\x00")
		s.send(1, "\x00\x03\x00\x02end")
		s.expect(1, "\x00\x04\x00\x02")
	})
	var got bytes.Buffer
	c := client.Client{Timeout: time.Minute}
	r, err := c.Get(t.Context(), s.addr(0), "f", &got)
	if err != nil || got.String() != string(text(512))+"end" || r.TID != s.addr(1) {
		t.Errorf("%d bytes from %v, %v; want 515 from %v", got.Len(), r.TID, err, s.addr(1))
	}
}

func TestAnOACKThatWasNotAskedIsRefused(t *testing.T) {
	t.Parallel()
	s := newScript(t, 2)
	s.play(func() {
		s.expect(0, "\x00\x01f\x00octet\x00")
		s.send(1, "\x00\x06blksize\x001024\x00")
		s.expect(1, "\x00\x05\x00\x08option was not asked\x00")
	})
	c := client.Client{Timeout: time.Minute}
	_, err := c.Get(t.Context(), s.addr(0), "f", new(bytes.Buffer))
	var e *protocol.Error
	if !errors.As(err, &e) || e.Code != protocol.CodeOptionRefused {
		t.Errorf("%v, want ERROR 8", err)
	}
}

func TestADallyingClientRepeatsItsLastACK(t *testing.T) {
	t.Parallel()
	s := newScript(t, 2)
	done := s.play(func() {
		s.expect(0, "\x00\x01f\x00octet\x00")
		for range 3 { // as if the ACKs got lost
			s.send(1, "\x00\x03\x00\x01end")
			s.expect(1, "\x00\x04\x00\x01")
		}
	})
	var got bytes.Buffer
	// The dally lasts two timeouts. It is cut short when all has been seen.
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-done; cancel() }()
	c := client.Client{Timeout: time.Hour, Dally: true}
	if _, err := c.Get(ctx, s.addr(0), "f", &got); !errors.Is(err, context.Canceled) || got.String() != "end" {
		t.Errorf("%q, %v; want the content once", got.String(), err)
	}
}

func TestAWriterThatFailsEndsTheTransfer(t *testing.T) {
	t.Parallel()
	s := newScript(t, 1)
	s.play(func() {
		s.expect(0, "\x00\x01f\x00octet\x00")
		s.send(0, "\x00\x03\x00\x01end")
	})
	full := errors.New("no space")
	c := client.Client{Timeout: time.Minute}
	if _, err := c.Get(t.Context(), s.addr(0), "f", failingWriter{full}); !errors.Is(err, full) {
		t.Errorf("%v, want %v", err, full)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
