package client_test

import (
	"bytes"
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"brood/protocol"
	"brood/worker/client"
)

// patient would wait for an hour: what it hears it does not hear from a timer.
var patient = client.Client{Timeout: time.Hour}

func TestAPortWhereNobodyListensEndsATransferAtOnce(t *testing.T) {
	t.Parallel()
	for _, local := range []string{"127.0.0.1", "::1"} {
		s := newScriptAt(t, 1, local)
		s.ports[0].Close()
		_, err := patient.Get(t.Context(), s.addr(0), "f", new(bytes.Buffer))
		var e *client.Error
		if !errors.As(err, &e) || e.Outcome != protocol.PeerGone || e.Answered || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("at %v: %v; want %v", s.addr(0), err, protocol.PeerGone)
		}
	}
}

func TestAServerThatGoesInMidTransferIsMissed(t *testing.T) {
	t.Parallel()
	s := newScript(t, 2)
	s.play(func() {
		s.expect(0, "\x00\x01f\x00octet\x00")
		s.send(1, "\x00\x03\x00\x01"+string(text(512)))
		s.ports[1].Close()
	})
	c := client.Client{Timeout: 10 * time.Millisecond, Retries: 10} // the first ACK may come before the port is closed
	r, err := c.Get(t.Context(), s.addr(0), "f", new(bytes.Buffer))
	var e *client.Error
	if !errors.As(err, &e) || e.Outcome != protocol.PeerGone || !e.Answered || r.Bytes != 512 {
		t.Errorf("%d bytes, %v; want 512 and %v", r.Bytes, err, protocol.PeerGone)
	}
}

// What arrived before the server went is read, although the kernel tells of its
// going first.
func TestAnERRORIsReadThoughItsSenderHasGone(t *testing.T) {
	t.Parallel()
	s := newScript(t, 2)
	s.play(func() {
		s.expect(0, "\x00\x01f\x00octet\x00")
		s.send(1, "\x00\x03\x00\x01"+string(text(512)))
		s.send(1, "\x00\x05\x00\x00gone wrong\x00")
		s.ports[1].Close()
	})
	_, err := patient.Get(t.Context(), s.addr(0), "f", new(bytes.Buffer))
	var e *protocol.Error
	if !errors.As(err, &e) || e.Message != "gone wrong" {
		t.Errorf("%v, want the ERROR", err)
	}
}

func TestAStrangerThatHasGoneEndsNothing(t *testing.T) {
	t.Parallel()
	s := newScript(t, 3)
	s.play(func() {
		s.expect(0, "\x00\x01f\x00octet\x00")
		s.send(1, "\x00\x03\x00\x01"+string(text(512)))
		s.expect(1, "\x00\x04\x00\x01")
		s.send(2, "\x00\x03\x00\x02forged")
		s.ports[2].Close()
		s.send(1, "\x00\x03\x00\x02"+string(text(512)))
		s.expect(1, "\x00\x04\x00\x02")
		s.send(1, "\x00\x03\x00\x03end")
		s.expect(1, "\x00\x04\x00\x03")
	})
	r, err := patient.Get(t.Context(), s.addr(0), "f", new(bytes.Buffer))
	if err != nil || r.Bytes != 1027 {
		t.Errorf("%d bytes, %v; want all 1027", r.Bytes, err)
	}
}

func TestAPacketThatCantBeSentEndsATransfer(t *testing.T) {
	t.Parallel()
	_, err := patient.Get(t.Context(), netip.MustParseAddrPort("127.0.0.1:0"), "f", new(bytes.Buffer))
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		t.Errorf("%v, want what the system says", err)
	}
}
