package supervisor

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/protocol"
)

// inBothFamilies runs a test with a listener whose port sessions may have.
func inBothFamilies(t *testing.T, test func(t *testing.T, l *listener)) {
	t.Parallel()
	for _, loopback := range []string{"127.0.0.1", "::1"} {
		t.Run(loopback, func(t *testing.T) {
			t.Parallel()
			test(t, mustShare(t, loopback))
		})
	}
}

// mustShare returns a listener whose port sessions may have.
func mustShare(t *testing.T, addr string) *listener {
	t.Helper()
	l, err := listen(netip.AddrPortFrom(netip.MustParseAddr(addr), 0), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return l
}

// open returns a socket that is bound, after each of the given steps of what
// sessions' sockets go through. It is the caller's to close.
func open(t *testing.T, at netip.AddrPort, steps ...func(fd int) error) int {
	t.Helper()
	fd, err := unix.Socket(family(at.Addr()), unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range append(steps, func(fd int) error { return unix.Bind(fd, sockaddr(at)) }) {
		if err := step(fd); err != nil {
			t.Fatal(err)
		}
	}
	return fd
}

// client returns a socket of a client, and its address.
func client(t *testing.T, addr netip.Addr) (fd int, peer netip.AddrPort) {
	t.Helper()
	fd = open(t, netip.AddrPortFrom(addr, 0))
	t.Cleanup(func() { unix.Close(fd) })
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fd, addrPort(sa)
}

func send(t *testing.T, fd int, text string, to netip.AddrPort) {
	t.Helper()
	if err := unix.Sendto(fd, []byte(text), 0, sockaddr(to)); err != nil {
		t.Fatal(err)
	}
}

// waiting is what lies in a socket; loopback delivers before sendto returns.
func waiting(fd int) string {
	var all []string
	for {
		var buf [100]byte
		n, _, err := unix.Recvfrom(fd, buf[:], unix.MSG_DONTWAIT)
		if err != nil {
			return strings.Join(all, " ")
		}
		all = append(all, string(buf[:n]))
	}
}

// A session's socket is passed over as long as it has no peer, however many
// sessions there are before it, and whichever of them have ended.
func TestAStrangersPacketIsTheListeners(t *testing.T) {
	inBothFamilies(t, func(t *testing.T, l *listener) {
		local := l.addr.Addr()
		stranger, _ := client(t, local)
		for range 30 {
			unconnected := open(t, l.addr, func(fd int) error { return share(fd, local) })
			send(t, stranger, "stranger's", l.addr)
			if got := waiting(unconnected); got != "" {
				t.Fatalf("a socket that is not connected yet has got %q", got)
			}
			unix.Close(unconnected)

			c, peer := client(t, local)
			fd, bound, err := openSocket(local, peer, PortRange{l.addr.Port(), l.addr.Port()}, true)
			if err != nil || bound != l.addr {
				t.Fatalf("bound to %v, %v; want the listener's %v", bound, err, l.addr)
			}
			send(t, stranger, "another", l.addr)
			send(t, c, "own", l.addr)
			if got := waiting(fd); got != "own" {
				t.Fatalf("the session has got %q, want its own client's packet", got)
			}
			if got := waiting(l.fd); got != "stranger's another" {
				t.Fatalf("the listener has got %q, want what strangers sent", got)
			}
			t.Cleanup(func() { unix.Close(fd) })
		}
	})
}

// A listener of every address gives each one that is asked a listener of its own,
// up to a bound, with a buffer that was made before root was left.
func TestEveryAddressThatIsAskedGetsAListener(t *testing.T) {
	t.Parallel()
	s := newFake(t, Options{SinglePort: true})
	l := mustShare(t, "0.0.0.0")
	s.listeners, s.tried = []*listener{l}, make(map[netip.AddrPort]bool)
	addr := netip.MustParseAddr("127.0.0.1")
	for range maxOwnListeners + 10 {
		s.giveListener(s.now, l, addr)
		s.giveListener(s.now, l, addr)
		addr = addr.Next()
	}
	t.Cleanup(func() {
		for _, own := range s.listeners[1:] {
			own.close()
		}
	})
	if len(s.listeners) != 1+maxOwnListeners || len(l.spares) != 0 {
		t.Fatalf("%d listeners, %d spares left; want one of each of %d addresses", len(s.listeners), len(l.spares), maxOwnListeners)
	}
	c, _ := client(t, netip.MustParseAddr("127.0.0.1"))
	for i, to := range []string{"127.0.0.1", "127.0.0.2", "127.0.2.250"} {
		send(t, c, to, netip.AddrPortFrom(netip.MustParseAddr(to), l.addr.Port()))
		own := l
		if i < 2 {
			own = s.listeners[1+i]
		}
		if got := waiting(own.fd); got != to || i < 2 && own.room != l.room {
			t.Errorf("the listener of %v, with room for %d bytes, has got %q; want %q, %d", own.addr, own.room, got, to, l.room)
		}
	}
}

// A listener that nobody watches would keep what it gets to itself.
func TestAnAddressWithoutAListenerOfItsOwnIsServedAllTheSame(t *testing.T) {
	t.Parallel()
	s := newFake(t, Options{SinglePort: true})
	l := mustShare(t, "0.0.0.0")
	s.listeners, s.tried = []*listener{l}, make(map[netip.AddrPort]bool)
	epoll := s.epoll
	s.epoll = -1 // so that watching fails
	s.giveListener(s.now, l, loopbackPeer.Addr())
	s.epoll = epoll
	c, _ := client(t, loopbackPeer.Addr())
	send(t, c, "request", netip.AddrPortFrom(loopbackPeer.Addr(), l.addr.Port()))
	if got := waiting(l.fd); got != "request" || len(s.listeners) != 1 {
		t.Errorf("the listener of every address has got %q, %d are there", got, len(s.listeners))
	}
}

// Sharing a port with another server would be to share its clients.
func TestASharedPortIsNotTakenFromAnotherServer(t *testing.T) {
	inBothFamilies(t, func(t *testing.T, l *listener) {
		_, other := client(t, l.addr.Addr())
		wildcard := netip.AddrPortFrom(map[bool]netip.Addr{true: netip.IPv4Unspecified(), false: netip.IPv6Unspecified()}[l.addr.Addr().Is4()], l.addr.Port())
		for _, at := range []netip.AddrPort{l.addr, wildcard, other} {
			if _, err := listen(at, true); err == nil || !strings.Contains(err.Error(), "another server has this port") {
				t.Errorf("%v: %v, want it to be another server's", at, err)
			}
		}
		// What sessions of a supervisor that was killed hold is no server's.
		_, peer := client(t, l.addr.Addr())
		left, _, err := openSocket(l.addr.Addr(), peer, PortRange{l.addr.Port(), l.addr.Port()}, true)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(left)
		another, _ := client(t, l.addr.Addr())
		if err := unix.Dup3(another, l.fd, unix.O_CLOEXEC); err != nil { // the listener is gone
			t.Fatal(err)
		}
		for _, at := range []netip.AddrPort{l.addr, wildcard} {
			next, err := listen(at, true)
			if err != nil {
				t.Errorf("%v, where sessions run on: %v", at, err)
				continue
			}
			next.close()
		}
	})
}

// A repetition is often known only when its session is over: the frames of both
// come in one read.
func TestARepetitionIsNoNewSession(t *testing.T) {
	t.Parallel()
	data := string(protocol.Request{Op: protocol.OpRRQ, File: "f"}.Append(nil))
	for _, tt := range []struct {
		name  string
		last  ipc.Frame
		after time.Duration // the repetition came so long after the request
		again int           // sessions that the same request begins
	}{
		{"nothing acknowledged", ipc.Frame{}, 3, 0},
		{"sent before the ERROR", ipc.Frame{Outcome: Refused, FirstSent: 2}, 1, 0},
		{"sent after the ERROR", ipc.Frame{Outcome: Refused, FirstSent: 2}, 3, 1},
		{"a block acknowledged", ipc.Frame{Bytes: 512}, 3, 1},
		{"an empty file fetched", ipc.Frame{Outcome: Complete}, 3, 1},
		{"its size learned", ipc.Frame{Outcome: Declined}, 3, 1},
	} {
		s := newFake(t, Options{SinglePort: true})
		sess := &session{with: testWith, datagram: data, socket: -1, last: tt.last, received: s.now}
		s.keep(sess, testPeer, []byte(data), stamp(s.now.Add(tt.after).UnixNano()))
		s.finish(s.now, sess, tt.last.Outcome, "")
		s.hearStrays(s.now)
		if s.queue.len() != tt.again || s.counters.Duplicates != uint64(1-tt.again) || s.counters.Requests != 1 {
			t.Errorf("%s: %d sessions begin, %d duplicates of %d requests", tt.name, s.queue.len(), s.counters.Duplicates, s.counters.Requests)
		}
	}
}
