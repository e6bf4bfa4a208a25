package supervisor

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// loopbackPeer is somebody who listens to nothing.
var loopbackPeer = netip.MustParseAddrPort("127.0.0.7:2070")

// peerSocket is a client's socket.
func peerSocket(t testing.TB, addr string) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func mustOpenSocket(t testing.TB, local string, peer netip.AddrPort, ports PortRange) (int, netip.AddrPort) {
	t.Helper()
	fd, bound, err := openSocket(netip.MustParseAddr(local), peer, ports, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd, bound
}

func TestSessionSocketSpeaksFromTheAskedAddressToItsPeerAlone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ peer, local string }{
		{"127.0.0.1:0", "127.0.0.1"},
		{"127.0.0.1:0", "127.0.0.2"},
		{"[::1]:0", "::1"},
	} {
		peer := peerSocket(t, tt.peer)
		peerAddr := addrOf(peer.LocalAddr())
		fd, bound := mustOpenSocket(t, tt.local, peerAddr, PortRange{})
		if bound.Addr() != netip.MustParseAddr(tt.local) || bound.Port() == 0 {
			t.Errorf("to %v: bound to %v, want a port of %s", peerAddr, bound, tt.local)
		}
		connected, err := unix.Getpeername(fd)
		if err != nil || addrPort(connected) != peerAddr {
			t.Errorf("connected to %v (%v), want %v", connected, err, peerAddr)
		}
		speak(fd, &protocol.Error{Message: "x"})
		var buf [64]byte
		n, from, err := peer.ReadFromUDPAddrPort(buf[:])
		if want := "\x00\x05\x00\x00x\x00"; err != nil || string(buf[:n]) != want || netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) != bound {
			t.Errorf("the peer got %q from %v (%v), want %q from %v", buf[:n], from, err, want, bound)
		}
		stranger := peerSocket(t, tt.peer)
		stranger.WriteToUDPAddrPort([]byte("stranger"), bound)
		peer.WriteToUDPAddrPort([]byte("peer"), bound)
		readable(t, fd)
		if n, err := unix.Read(fd, buf[:]); err != nil || string(buf[:n]) != "peer" {
			t.Errorf("the first datagram was %q (%v), want the peer's", buf[:n], err)
		}
	}
}

func TestSessionSocketBlocksAndIsNotInherited(t *testing.T) {
	t.Parallel()
	fd, _ := mustOpenSocket(t, "127.0.0.1", loopbackPeer, PortRange{})
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %#x (%v), want close-on-exec", flags, err)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
		t.Errorf("file flags %#x (%v), want it to block: the worker reads it on a thread of its own", flags, err)
	}
}

// freePorts is a range of n ports that nobody has now. It lies below the
// kernel's ephemeral ones, so that no other test is given one of them.
func freePorts(t testing.TB, n uint16) PortRange {
	t.Helper()
next:
	for range 1000 {
		low := 20000 + rand.N[uint16](10000) // another run of this test looks for its own
		for port := low; port < low+n; port++ {
			fd, _, err := openSocket(netip.MustParseAddr("127.0.0.1"), loopbackPeer, PortRange{port, port}, false)
			if err != nil {
				continue next
			}
			unix.Close(fd)
		}
		return PortRange{low, low + n - 1}
	}
	t.Fatalf("there are no %d free ports in a row", n)
	return PortRange{}
}

func TestSessionSocketsKeepToThePortRange(t *testing.T) {
	const n = 8
	ports := freePorts(t, n)
	used := map[uint16]int{}
	for i := range n {
		fd, bound := mustOpenSocket(t, "127.0.0.1", loopbackPeer, ports)
		if p := bound.Port(); p < ports.Low || p > ports.High || used[p] != 0 {
			t.Errorf("socket %d has port %d, want another one of %d-%d", i, p, ports.Low, ports.High)
		}
		used[bound.Port()] = fd
	}
	fd, _, err := openSocket(netip.MustParseAddr("127.0.0.1"), loopbackPeer, ports, false)
	if !errors.Is(err, errPortsUsed) || !exhausted(err) || fd != -1 {
		t.Errorf("with all of %v in use: %d, %v, want -1 and %v, which is worth waiting for", ports, fd, err, errPortsUsed)
	}
	mustOpenSocket(t, "127.0.0.2", loopbackPeer, ports) // another address has ports of its own

	port := ports.Low + n/2
	unix.Close(used[port])
	again, bound, err := openSocket(netip.MustParseAddr("127.0.0.1"), loopbackPeer, ports, false)
	if err != nil || bound.Port() != port {
		t.Errorf("with port %d free again: %v, %v, want that port", port, bound, err)
	}
	if again != used[port] { // the cleanup closes it by that number
		t.Cleanup(func() { unix.Close(again) })
	}
}

func TestSessionSocketFaultsLeakNothing(t *testing.T) {
	for _, tt := range []struct {
		name, local, peer string
		want              error
	}{
		{"a broadcast address is nobody's", "127.0.0.1", "255.255.255.255:2070", unix.EACCES},
		{"the world can't be reached from loopback", "127.0.0.1", "192.0.2.7:2070", unix.EINVAL},
	} {
		before := len(descriptors())
		fd, _, err := openSocket(netip.MustParseAddr(tt.local), netip.MustParseAddrPort(tt.peer), PortRange{}, false)
		if !errors.Is(err, tt.want) || fd != -1 || exhausted(err) {
			t.Errorf("%s: %d, %v, want -1 and %v, which is not worth waiting for", tt.name, fd, err, tt.want)
		}
		if after := len(descriptors()); after != before {
			t.Errorf("%s: %d descriptors before, %d after", tt.name, before, after)
		}
	}
}

func TestExhausted(t *testing.T) {
	t.Parallel()
	for _, err := range []error{unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOBUFS, unix.EAGAIN, errPortsUsed} {
		if !exhausted(errors.Join(err)) {
			t.Errorf("%v is not worth waiting for", err)
		}
	}
	for _, err := range []error{nil, unix.EACCES, unix.ENETUNREACH, unix.EINVAL, unix.EPIPE} {
		if exhausted(err) {
			t.Errorf("%v is worth waiting for", err)
		}
	}
}
