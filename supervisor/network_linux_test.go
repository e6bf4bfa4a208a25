package supervisor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// A network of a test's own has addresses and neighbours that no machine can be
// asked to have. It needs a namespace, and so a process.

func TestOnANetworkOfItsOwn(t *testing.T) {
	t.Parallel()
	cmd, stderr := self(t, "network")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	if os.Geteuid() != 0 { // becomes root of a namespace of its own
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	for fault := range strings.Lines(string(stdout)) {
		t.Error(fault)
	}
}

// networkChild prints what is wrong.
func networkChild() int {
	for _, step := range []func() error{setUpNetwork, findNeighbours, answerLinkLocal, answerBroadcast, chooseSharedPorts, answerForAnAddressThatHasMoved} {
		if err := step(); err != nil {
			fmt.Println(err)
			return 0
		}
	}
	return 0
}

// The interface of the test network, one end of a pair.
const testInterface = "brood0"

var testIfindex int

const (
	linkLocal      = "fe80::b00d"
	interfaceAddr  = "192.0.2.1"
	interfaceBcast = "192.0.2.255"
)

// talk sends one rtnetlink(7) message and waits for its acknowledgement.
func talk(kind, flags uint16, header []byte, attrs ...[]byte) error {
	n, err := openNeighbours()
	if err != nil {
		return err
	}
	defer unix.Close(n.fd)
	message := netlink(kind, flags|unix.NLM_F_REQUEST|unix.NLM_F_ACK, 1, header, attrs...)
	if err := unix.Sendto(n.fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	got, _, err := unix.Recvfrom(n.fd, n.buf[:], 0) // the kernel has answered before sendto returned
	if err != nil {
		return err
	}
	if got < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(n.buf[4:]) != unix.NLMSG_ERROR {
		return fmt.Errorf("rtnetlink: message %d was answered with %x", kind, n.buf[:got])
	}
	if errno := -int32(binary.NativeEndian.Uint32(n.buf[unix.SizeofNlMsghdr:])); errno != 0 {
		return fmt.Errorf("rtnetlink: message %d: %w", kind, unix.Errno(errno))
	}
	return nil
}

// ifinfomsg is the header of a message about an interface, which is to be up.
func ifinfomsg(ifindex int) []byte {
	b := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(b[4:], uint32(ifindex))
	binary.NativeEndian.PutUint32(b[8:], unix.IFF_UP)
	binary.NativeEndian.PutUint32(b[12:], unix.IFF_UP)
	return b
}

// ifaddrmsg is the header of a message about an address, which is to be used at once.
func ifaddrmsg(family, prefix uint8) []byte {
	b := []byte{family, prefix, unix.IFA_F_NODAD, 0}
	return binary.NativeEndian.AppendUint32(b, uint32(testIfindex))
}

func setUpNetwork() error {
	const create = unix.NLM_F_CREATE | unix.NLM_F_EXCL
	err := talk(unix.RTM_NEWLINK, create, ifinfomsg(0),
		attr(unix.IFLA_IFNAME, []byte(testInterface+"\x00")),
		attr(unix.IFLA_LINKINFO, attr(unix.IFLA_INFO_KIND, []byte("veth"))))
	if err != nil {
		return fmt.Errorf("making a pair of interfaces: %w", err)
	}
	i, err := net.InterfaceByName(testInterface)
	if err != nil {
		return err
	}
	testIfindex = i.Index
	interfaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, i := range interfaces {
		if err := talk(unix.RTM_NEWLINK, 0, ifinfomsg(i.Index)); err != nil {
			return fmt.Errorf("%s up: %w", i.Name, err)
		}
	}
	ip4, ip6 := netip.MustParseAddr(interfaceAddr).AsSlice(), netip.MustParseAddr(linkLocal).AsSlice()
	return errors.Join(
		talk(unix.RTM_NEWADDR, create, ifaddrmsg(unix.AF_INET, 24), attr(unix.IFA_LOCAL, ip4), attr(unix.IFA_ADDRESS, ip4),
			attr(unix.IFA_BROADCAST, netip.MustParseAddr(interfaceBcast).AsSlice())),
		talk(unix.RTM_NEWADDR, create, ifaddrmsg(unix.AF_INET6, 64), attr(unix.IFA_LOCAL, ip6), attr(unix.IFA_ADDRESS, ip6)))
}

// answerForAnAddressThatHasMoved has a session's socket for an address that is not here, as a
// VIP's after its request has come.
func answerForAnAddressThatHasMoved() error {
	local, peer := withZone(netip.MustParseAddr("fe80::77"), testIfindex), withZone(netip.MustParseAddr("fe80::7"), testIfindex)
	fd, bound, err := openSocket(local, netip.AddrPortFrom(peer, 2070), PortRange{}, false)
	if err != nil || bound.Addr() != local || bound.Port() == 0 {
		return fmt.Errorf("a session of %v: bound to %v, %v", local, bound, err)
	}
	unix.Close(fd)
	return nil
}

func findNeighbours() error {
	type entry struct {
		addr  string
		state uint16
		mac   []byte
		want  string
	}
	entries := []entry{
		{"192.0.2.7", unix.NUD_PERMANENT, testMAC, "52:54:00:12:34:fe"},
		{"192.0.2.8", unix.NUD_STALE, []byte{2, 0, 0, 0, 0, 8}, "02:00:00:00:00:08"},
		{"192.0.2.9", unix.NUD_FAILED, nil, ""},
		{"2001:db8::7", unix.NUD_PERMANENT, testMAC, "52:54:00:12:34:fe"},
		{"fe80::7", unix.NUD_PERMANENT, testMAC, "52:54:00:12:34:fe"},
	}
	for _, e := range entries {
		addr := netip.MustParseAddr(e.addr)
		attrs := [][]byte{attr(unix.NDA_DST, addr.AsSlice())}
		if e.mac != nil {
			attrs = append(attrs, attr(unix.NDA_LLADDR, e.mac))
		}
		err := talk(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_EXCL, ndmsg(uint8(family(addr)), testIfindex, e.state), attrs...)
		if err != nil {
			return fmt.Errorf("neighbour %s: %w", e.addr, err)
		}
	}
	n, err := openNeighbours()
	if err != nil {
		return err
	}
	defer unix.Close(n.fd)
	var faults []error
	check := func(addr netip.Addr, ifindex int, want string) {
		if got := n.lookup(addr, ifindex); got != want {
			faults = append(faults, fmt.Errorf("%v on interface %d has hardware address %q, want %q", addr, ifindex, got, want))
		}
	}
	for _, e := range entries {
		check(netip.MustParseAddr(e.addr), testIfindex, e.want)
		check(netip.MustParseAddr(e.addr), testIfindex+100, "")
		check(netip.MustParseAddr(e.addr), 0, "")
	}
	check(netip.MustParseAddr("192.0.2.99"), testIfindex, "")
	check(withZone(netip.MustParseAddr("fe80::7"), testIfindex), testIfindex, "52:54:00:12:34:fe")

	// What an earlier request left behind is passed over.
	late := neighbourRequest(1<<31, netip.MustParseAddr("192.0.2.8"), testIfindex)
	if err := unix.Sendto(n.fd, late, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	check(netip.MustParseAddr("192.0.2.7"), testIfindex, "52:54:00:12:34:fe")
	return errors.Join(faults...)
}

// exchange has a client ask a listener on every address, and both ways to
// answer it answer: the listener's ERROR and a session's socket.
func exchange(name, wildcard string, client *net.UDPConn, ask netip.Addr, want netip.Addr) error {
	defer client.Close()
	l, err := listen(netip.MustParseAddrPort(wildcard), false)
	if err != nil {
		return err
	}
	defer unix.Close(l.fd)
	var got []arrived
	for r := new(receiver); len(got) == 0; { // the interface may not be quite up yet
		if _, err := client.WriteToUDPAddrPort([]byte("request"), netip.AddrPortFrom(ask, l.addr.Port())); err != nil {
			return fmt.Errorf("%s: asking: %w", name, err)
		}
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLIN}}, 100); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		r.receive(l, func(a arrival) { got = append(got, arrived{a.peer, a.local, a.ifindex, string(a.data)}) })
	}
	if got[0].local != want || got[0].ifindex != testIfindex || got[0].data != "request" {
		return fmt.Errorf("%s: %v arrived, want a request to %v on interface %d", name, got, want, testIfindex)
	}
	a := arrival{peer: got[0].peer, local: got[0].local, ifindex: got[0].ifindex}
	from := func(what string, port uint16) error {
		var buf [64]byte
		n, from, err := client.ReadFromUDPAddrPort(buf[:])
		if err != nil || from.Addr().Unmap().WithZone("") != want.WithZone("") || from.Port() != port {
			return fmt.Errorf("%s: %s came as %q from %v (%v), want it from %v, port %d", name, what, buf[:n], from, err, want, port)
		}
		return nil
	}
	l.refuse(a, &protocol.Error{Message: "x"})
	if err := from("the refusal", l.addr.Port()); err != nil {
		return err
	}
	fd, bound, err := openSocket(a.local, a.peer, PortRange{}, false)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer unix.Close(fd)
	if bound.Addr() != want {
		return fmt.Errorf("%s: a session's socket is bound to %v, want %v", name, bound, want)
	}
	speak(fd, &protocol.Error{Message: "x"})
	return from("a session's packet", bound.Port())
}

func answerLinkLocal() error {
	local := withZone(netip.MustParseAddr(linkLocal), testIfindex)
	client, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.ParseIP(linkLocal), Zone: testInterface})
	if err != nil {
		return err
	}
	return exchange("link-local", "[::]:0", client, local.WithZone(testInterface), local)
}

func answerBroadcast() error {
	addr := netip.MustParseAddr(interfaceAddr)
	client, err := net.ListenUDP("udp4", &net.UDPAddr{IP: addr.AsSlice()}) // Go allows it to broadcast
	if err != nil {
		return err
	}
	return exchange("broadcast", "0.0.0.0:0", client, netip.MustParseAddr(interfaceBcast), addr)
}

// chooseSharedPorts has as many servers of a single port as there are ports to choose.
func chooseSharedPorts() error {
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte("40000 40003"), 0); err != nil {
		return err
	}
	anywhere := netip.MustParseAddrPort(interfaceAddr + ":0")
	chosen := map[uint16]bool{}
	for range 4 {
		l, err := listen(anywhere, true)
		if err != nil {
			return fmt.Errorf("a server of a single port beside those on %v: %w", chosen, err)
		}
		defer l.close()
		if chosen[l.addr.Port()] {
			return fmt.Errorf("two servers of a single port have chosen %d", l.addr.Port())
		}
		chosen[l.addr.Port()] = true
	}
	if l, err := listen(anywhere, true); !errors.Is(err, unix.EADDRINUSE) {
		return fmt.Errorf("there is a fifth port among four: %v, %v", l, err)
	}
	return nil
}
