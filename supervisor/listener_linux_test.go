package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// arrived is an arrival that has been copied.
type arrived struct {
	peer    netip.AddrPort
	local   netip.Addr
	ifindex int
	data    string
}

func mustListen(t testing.TB, addr string) *listener {
	t.Helper()
	l, err := listen(netip.MustParseAddrPort(addr), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(l.fd) })
	return l
}

// dial returns a socket that talks to port of l at the address to.
func dial(t testing.TB, l *listener, to string) *net.UDPConn {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(to), l.addr.Port())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// readable waits until fd can be read.
func readable(t testing.TB, fd int) {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 60_000)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil || n == 0:
			t.Fatalf("nothing arrived: %v", err)
		default:
			return
		}
	}
}

// receiveN collects n datagrams, and how many each call brought.
func receiveN(t testing.TB, l *listener, n int) (all []arrived, calls []int) {
	t.Helper()
	r := new(receiver)
	for len(all) < n {
		readable(t, l.fd)
		calls = append(calls, r.receive(l, func(a arrival) {
			all = append(all, arrived{a.peer, a.local, a.ifindex, string(a.data)})
		}))
	}
	return all, calls
}

func addrOf(a net.Addr) netip.AddrPort { return a.(*net.UDPAddr).AddrPort() }

func TestReceiveTellsWhoAskedWhichAddress(t *testing.T) {
	t.Parallel()
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ listen, ask string }{
		{"127.0.0.1:0", "127.0.0.1"},
		{"0.0.0.0:0", "127.0.0.1"},
		{"0.0.0.0:0", "127.0.0.2"},
		{"0.0.0.0:0", "127.255.255.254"},
		{"[::1]:0", "::1"},
		{"[::]:0", "::1"},
	} {
		l := mustListen(t, tt.listen)
		conn := dial(t, l, tt.ask)
		if _, err := conn.Write([]byte("request")); err != nil {
			t.Fatal(err)
		}
		got, _ := receiveN(t, l, 1)
		want := arrived{addrOf(conn.LocalAddr()), netip.MustParseAddr(tt.ask), lo.Index, "request"}
		if len(got) != 1 || got[0] != want {
			t.Errorf("on %s, asked at %s:\n got %v\nwant %v", tt.listen, tt.ask, got, want)
		}
	}
}

func TestIPv6ListenerLeavesIPv4Alone(t *testing.T) {
	t.Parallel()
	l6 := mustListen(t, "[::]:0")
	l4, err := listen(netip.AddrPortFrom(netip.IPv4Unspecified(), l6.addr.Port()), false)
	if err != nil {
		t.Fatalf("the port of [::] is not free for 0.0.0.0: %v", err)
	}
	unix.Close(l4.fd)
}

func TestReceiveTakesMoreThanABatch(t *testing.T) {
	t.Parallel()
	const n = 3*batch + 5
	l := mustListen(t, "127.0.0.1:0")
	conn := dial(t, l, "127.0.0.1")
	for i := range n {
		if _, err := fmt.Fprintf(conn, "request %d", i); err != nil {
			t.Fatal(err)
		}
	}
	got, calls := receiveN(t, l, n)
	if len(got) != n {
		t.Fatalf("%d datagrams came, want %d", len(got), n)
	}
	for i, a := range got {
		if want := fmt.Sprintf("request %d", i); a.data != want || a.peer != addrOf(conn.LocalAddr()) {
			t.Errorf("datagram %d is %q from %v, want %q from %v", i, a.data, a.peer, want, conn.LocalAddr())
		}
	}
	for _, c := range calls {
		if c > batch {
			t.Errorf("calls brought %v datagrams, want at most %d each", calls, batch)
			break
		}
	}
}

func TestReceiveOfNothing(t *testing.T) {
	t.Parallel()
	l := mustListen(t, "127.0.0.1:0")
	if n := new(receiver).receive(l, func(a arrival) { t.Errorf("got %+v", a) }); n != 0 {
		t.Errorf("%d datagrams came, want 0 and no wait", n)
	}
}

func TestReceiveKeepsLengthsApart(t *testing.T) {
	t.Parallel()
	l := mustListen(t, "127.0.0.1:0")
	conn := dial(t, l, "127.0.0.1")
	sizes := []int{0, 1, 512, protocol.MaxRequestLen, protocol.MaxRequestLen + 1, 9000, 65507}
	request := func(n int) []byte { // of n bytes, if there is room for its frame
		const frame = len("\x00\x01\x00octet\x00")
		if n <= frame {
			return make([]byte, n)
		}
		return []byte("\x00\x01" + strings.Repeat("f", n-frame) + "\x00octet\x00")
	}
	for _, n := range sizes {
		if _, err := conn.Write(request(n)); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := receiveN(t, l, len(sizes))
	for i, n := range sizes {
		sent := request(n)
		want := string(sent[:min(n, protocol.MaxRequestLen+1)])
		if got[i].data != want {
			t.Errorf("of %d bytes %d came: %.40q, want %.40q", n, len(got[i].data), got[i].data, want)
		}
		_, err := protocol.ParseRequest([]byte(got[i].data))
		if tooLong := errors.Is(err, protocol.ErrTooLong); tooLong != (n > protocol.MaxRequestLen) {
			t.Errorf("a request of %d bytes parses with %v, want it too long above %d", n, err, protocol.MaxRequestLen)
		}
	}
}

func TestReceiveAllocatesNothing(t *testing.T) {
	l := mustListen(t, "127.0.0.1:0")
	conn := dial(t, l, "127.0.0.1")
	r, request := new(receiver), []byte("request")
	if n := testing.AllocsPerRun(100, func() {
		if _, err := conn.Write(request); err != nil {
			t.Fatal(err)
		}
		for r.receive(l, func(arrival) {}) == 0 { // over loopback it is there already
		}
	}); n != 0 {
		t.Errorf("a datagram allocated %v times, want 0", n)
	}
}

func TestRefuseAnswersFromTheAddressThatWasAsked(t *testing.T) {
	t.Parallel()
	refusal := &protocol.Error{Code: protocol.CodeIllegalOperation, Message: "bad request"}
	for _, tt := range []struct{ listen, ask string }{
		{"127.0.0.1:0", "127.0.0.1"},
		{"0.0.0.0:0", "127.0.0.1"},
		{"0.0.0.0:0", "127.0.0.2"},
		{"[::1]:0", "::1"},
		{"[::]:0", "::1"},
	} {
		l := mustListen(t, tt.listen)
		conn := dial(t, l, tt.ask) // connected: an answer from elsewhere would not reach it
		if _, err := conn.Write([]byte("request")); err != nil {
			t.Fatal(err)
		}
		got, _ := receiveN(t, l, 1)
		l.refuse(arrival{peer: got[0].peer, local: got[0].local, ifindex: got[0].ifindex}, refusal)
		var buf [512]byte
		n, err := conn.Read(buf[:])
		if want := refusal.Append(nil); err != nil || !bytes.Equal(buf[:n], want) {
			t.Errorf("on %s, asked at %s: got %q, %v, want %q", tt.listen, tt.ask, buf[:n], err, want)
		}
	}
}

func TestDropsAreCounted(t *testing.T) {
	t.Parallel()
	l := mustListen(t, "127.0.0.1:0")
	if n := l.newDrops(); n != 0 {
		t.Errorf("%d drops before the first datagram, want 0", n)
	}
	if err := unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1); err != nil { // the kernel's least
		t.Fatal(err)
	}
	conn := dial(t, l, "127.0.0.1")
	for round := range 2 { // the second counts from the first on
		const sent = 200
		for range sent {
			if _, err := conn.Write(make([]byte, 500)); err != nil {
				t.Fatal(err)
			}
		}
		got, dropped := 0, uint64(0)
		r := new(receiver)
		for got+int(dropped) < sent { // a datagram may be on its way yet
			got += r.receive(l, func(arrival) {})
			dropped += l.newDrops()
		}
		if got == 0 || dropped == 0 || got+int(dropped) != sent {
			t.Errorf("round %d: %d came and %d were dropped of %d, want some of both and no other", round, got, dropped, sent)
		}
		if n := l.newDrops(); n != 0 {
			t.Errorf("round %d: %d drops were counted twice", round, n)
		}
	}
}

func TestListenFaultsSayWhatToDo(t *testing.T) {
	t.Parallel()
	taken := mustListen(t, "127.0.0.1:0")
	for _, tt := range []struct{ name, addr, want string }{
		{"a port in use", taken.addr.String(), "ss -ulpn"},
		{"an address of nobody's", "192.0.2.1:0", "no interface has this address"},
	} {
		l, err := listen(netip.MustParseAddrPort(tt.addr), false)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.addr) {
			t.Errorf("%s: listen(%s) = %v, %v, want an error that names it and says %q", tt.name, tt.addr, l, err, tt.want)
		}
	}
	if got := hint(unix.EACCES, "-ulpn"); !strings.Contains(got, "CAP_NET_BIND_SERVICE") {
		t.Errorf("the hint for EACCES is %q", got)
	}
	if got := hint(unix.EINVAL, "-ulpn"); got != "" {
		t.Errorf("the hint for EINVAL is %q, want none", got)
	}
}

func TestListenerIsNotInherited(t *testing.T) {
	t.Parallel()
	l := mustListen(t, "127.0.0.1:0")
	if flags, err := unix.FcntlInt(uintptr(l.fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %#x (%v), want close-on-exec", flags, err)
	}
}

func TestZone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		addr    string
		ifindex int
		want    uint32
	}{
		{"fe80::1", 2, 2},
		{"fe80::1", 1234567, 1234567},
		{"fe80::1", 0, 0},
		{"febf::1", 3, 3},
		{"2001:db8::1", 2, 0}, // has no zone
		{"::1", 1, 0},
		{"169.254.0.1", 2, 0}, // IPv4's link-local addresses have none either
	} {
		a := withZone(netip.MustParseAddr(tt.addr), tt.ifindex)
		if got := zone(a); got != tt.want {
			t.Errorf("zone(%v) of %s on interface %d = %d, want %d", a, tt.addr, tt.ifindex, got, tt.want)
		}
		back := addrPort(sockaddr(netip.AddrPortFrom(a, 69)))
		if back != netip.AddrPortFrom(a, 69) {
			t.Errorf("%v became %v as a socket address and back", a, back)
		}
	}
}

func TestWhatTheKernelTellsOfADatagram(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		control []byte
		want    netip.Addr
		ifindex int
	}{
		{"nothing", nil, netip.Addr{}, 0},
		{"IPv4", unix.PktInfo4(&unix.Inet4Pktinfo{Ifindex: 3, Spec_dst: [4]byte{192, 0, 2, 1}}), testLocal, 3},
		{
			"IPv4 broadcast: the interface's own address",
			unix.PktInfo4(&unix.Inet4Pktinfo{Ifindex: 3, Spec_dst: [4]byte{192, 0, 2, 1}, Addr: [4]byte{255, 255, 255, 255}}), testLocal, 3,
		},
		{"IPv6", unix.PktInfo6(&unix.Inet6Pktinfo{Ifindex: 3, Addr: netip.MustParseAddr("2001:db8::1").As16()}), netip.MustParseAddr("2001:db8::1"), 3},
		{"IPv6 link-local", unix.PktInfo6(&unix.Inet6Pktinfo{Ifindex: 3, Addr: netip.MustParseAddr("fe80::1").As16()}), netip.MustParseAddr("fe80::1%3"), 3},
		{"IPv6 multicast has no address to answer from", unix.PktInfo6(&unix.Inet6Pktinfo{Ifindex: 3, Addr: netip.MustParseAddr("ff02::1").As16()}), netip.Addr{}, 0},
		{"another message", unix.UnixRights(1), netip.Addr{}, 0},
		{"another message before it", append(unix.UnixRights(1), unix.PktInfo4(&unix.Inet4Pktinfo{Ifindex: 3, Spec_dst: [4]byte{192, 0, 2, 1}})...), testLocal, 3},
	} {
		var a arrival
		a.told(tt.control)
		if a.local != tt.want || a.ifindex != tt.ifindex {
			t.Errorf("%s: %v on %d, want %v on %d", tt.name, a.local, a.ifindex, tt.want, tt.ifindex)
		}
		for i := range tt.control {
			new(arrival).told(tt.control[:i]) // must not read beyond the end
		}
	}
}

// listener_linux_test.go: into setUp of network child too
func TestListenTakesANamedZone(t *testing.T) {
	t.Parallel()
	l := &listener{fd: mustListen(t, "[::1]:0").fd}
	for in, want := range map[string]string{
		"[fe80::1%lo]:69": "[fe80::1%1]:69", "[fe80::1%7]:69": "[fe80::1%7]:69", "[::1]:69": "[::1]:69", "127.0.0.1:69": "127.0.0.1:69",
	} {
		got, err := l.numbered(netip.MustParseAddrPort(in))
		if err != nil || got.String() != want {
			t.Errorf("%s is %v (%v), want %s", in, got, err, want)
		}
	}
	if got, err := l.numbered(netip.MustParseAddrPort("[fe80::1%none]:69")); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("an interface that does not exist: %v, %v", got, err)
	}
}

// What a server that was killed has forked holds its port until it is executed.
func TestAPortThatIsFreeInAMomentIsWaitedFor(t *testing.T) {
	t.Parallel()
	before, err := listen(netip.MustParseAddrPort("127.0.0.1:0"), false)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(portFreeWithin/20, before.close)
	l, err := soon(func() (*listener, error) { return listen(before.addr, false) })
	if err != nil || l.addr != before.addr {
		t.Fatalf("%+v, %v; want %v", l, err, before.addr)
	}
	l.close()
}
