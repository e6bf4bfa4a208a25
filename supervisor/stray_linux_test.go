package supervisor

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/protocol"
)

func TestARetiredSessionLeavesItsClientToTheListener(t *testing.T) {
	inBothFamilies(t, func(t *testing.T, l *listener) {
		s := newFake(t, Options{SinglePort: true})
		c, peer := client(t, l.addr.Addr())
		sess := &session{with: conversation{peer, l.addr.Addr()}, listener: l, socket: -1}
		var err error
		if sess.socket, sess.local, err = s.openSocket(s.now, sess); err != nil {
			t.Fatal(err)
		}
		s.sessions.add(sess)
		request := string(protocol.Request{Op: protocol.OpRRQ, File: "next"}.Append(nil))
		send(t, c, request, l.addr)
		send(t, c, "\x00\x04\x00\x01", l.addr)
		copied, err := unix.Dup(sess.socket) // as its worker has one
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(copied)
		// A client that hears nobody else: the kernel has word of a closed port, and gives
		// that before what lies there.
		if err := unix.Connect(c, sockaddr(netip.AddrPortFrom(l.addr.Addr(), discardPort))); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(copied, []byte("the last block, again")); err != nil {
			t.Fatal(err)
		}
		s.finish(s.now, sess, Complete, "")
		if len(s.strays) != 1 || s.strays[0].peer != peer || s.strays[0].local != sess.with.local || string(s.strays[0].data) != request {
			t.Errorf("heard %+v, want the request that came before the end", s.strays)
		}
		stranger, _ := client(t, l.addr.Addr())
		send(t, c, "later", l.addr)
		send(t, stranger, "stranger's", l.addr)
		if got := waiting(l.fd); got != "later stranger's" {
			t.Errorf("the listener has got %q, want what came later", got)
		}
		s.hearStrays(s.now)
		if s.queue.len() != 1 || len(s.strays) != 0 {
			t.Errorf("%d requests wait, %d are to be heard; want the next one waiting", s.queue.len(), len(s.strays))
		}
		s.closeAllLingering()
	})
}

// A datagram whose socket the kernel had found just before that left its client comes after
// the last look into it: here the socket never leaves.
func TestWhatWasOnItsWayToARetiredSessionIsHeard(t *testing.T) {
	t.Parallel()
	l := mustShare(t, "127.0.0.1")
	s := newFake(t, Options{SinglePort: true})
	c, peer := client(t, l.addr.Addr())
	now := time.Now()
	s.nextTick = now.Add(time.Hour)
	request := protocol.Request{Op: protocol.OpRRQ, File: "next"}.Append(nil)
	for n := range maxLingering + 1 {
		sess := &session{with: conversation{peer, l.addr.Addr()}, listener: l, retired: true}
		var err error
		if sess.socket, sess.local, err = openSocket(l.addr.Addr(), peer, PortRange{l.addr.Port(), l.addr.Port()}, true); err != nil {
			t.Fatal(err)
		}
		s.sessions.add(sess)
		s.finish(now, sess, Complete, "")
		if n == 0 {
			send(t, c, string(request), l.addr)
		}
		s.closeLingering(now.Add(lingerTime - 1))
	}
	if len(s.lingering) != maxLingering || len(s.strays) != 1 || !bytes.Equal(s.strays[0].data, request) {
		t.Fatalf("%d sockets are open, heard %+v; want %d, and of the one too many the request", len(s.lingering), s.strays, maxLingering)
	}
	send(t, c, string(request), l.addr)
	last := s.lingering[len(s.lingering)-1].session
	s.strays = nil
	s.lingering[0].until = time.Now().Add(lingerTime)
	if late := s.sleep(); late <= 0 || late > lingerTime {
		t.Errorf("the loop would sleep for %v", late)
	}
	s.closeLingering(s.lingering[0].until)
	if len(s.lingering) != 0 || last.socket != -1 || len(s.strays) != 1 || s.strays[0].peer != peer {
		t.Errorf("%d sockets are open, the last is %d, heard %+v; want none, and the request of %v", len(s.lingering), last.socket, s.strays, peer)
	}
}

// TestARequestEndsTheSessionBeforeIt: their packets could not be told apart.
func TestARequestEndsTheSessionBeforeIt(t *testing.T) {
	t.Parallel()
	l := mustShare(t, "127.0.0.1")
	s := newFake(t, Options{SinglePort: true})
	c, peer := client(t, l.addr.Addr())
	with := conversation{peer, l.addr.Addr()}
	older := &session{with: with, listener: l}
	w := s.busy(older)
	var err error
	if older.socket, older.local, err = s.openSocket(s.now, older); err != nil {
		t.Fatal(err)
	}
	data := string(protocol.Request{Op: protocol.OpRRQ, File: "next"}.Append(nil))
	s.frame(s.now, w, &ipc.Frame{Kind: ipc.KindRequest, Session: older.id, Size: -1, Request: data})
	if w.violated != "" || older.last.Request != "" {
		t.Fatalf("violated: %q; last frame %+v", w.violated, older.last)
	}
	s.hearStrays(s.now)
	if s.queue.len() != 1 || older.ending != ipc.OutcomeNone {
		t.Fatalf("%d wait, ending %v; want it to go on as long as the next one waits", s.queue.len(), older.ending)
	}
	newer := s.queue.pop(true, func(netip.Addr) int { return 1 })
	if newer.socket, newer.local, err = s.openSocket(s.now, newer); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(newer.socket)
	send(t, c, "ACK", l.addr)
	if got := waiting(newer.socket); got != "ACK" || older.ending != Superseded || !older.retired {
		t.Errorf("the new session has got %q, the old one is ending %v, retired %v", got, older.ending, older.retired)
	}
}

func TestAWorkerHandsBackOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	s := newFake(t, Options{})
	w := s.busy(&session{with: testWith})
	s.frame(s.now, w, &ipc.Frame{Kind: ipc.KindRequest, Session: w.session.id, Size: -1, Request: "\x00\x01f\x00octet\x00"})
	if w.violated == "" || len(s.strays) != 0 {
		t.Errorf("violated %q, %d requests; want it killed for it", w.violated, len(s.strays))
	}
}
