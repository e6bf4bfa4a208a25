package supervisor

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// batch is how many datagrams one system call may bring.
const batch = 32

// burst is how many requests a port's receive buffer is to hold: a site that
// starts at once.
const burst = 16_384

// datagramCost is what one request counts for against the buffer. The kernel
// counts the memory that it lies in (its truesize), not its bytes: 832 for up to
// about 100 bytes of payload and 1280 for up to 500, where the packet was copied
// into memory of its own (loopback, veth, virtio's small packets; measured by
// SO_MEMINFO on Linux 6.18), and 2304 where a network card has written it into
// half a page, as most drivers have them do: 2048 and the sk_buff itself.
const datagramCost = 2304

// receiveBuffer is asked for on each port. The kernel doubles what it is asked
// for, to make room for its own part, which datagramCost includes.
const receiveBuffer = burst * datagramCost / 2

// listener is a UDP socket on one of the server's addresses.
type listener struct {
	fd    int
	name  string // by which a new process knows it
	addr  netip.AddrPort
	room  int    // of the receive buffer in bytes, as the kernel counts them
	drops uint32 // as the kernel last told

	spares []*listener // not bound yet; see giveListener
}

// arrival is one datagram and where it came from and went to.
type arrival struct {
	peer    netip.AddrPort
	local   netip.Addr // ours: where an answer has to come from
	ifindex int
	came    stamp
	data    []byte // valid until the next batch
}

// portFreeWithin is how long what a server that was just killed has started may hold
// its ports: between fork and exec a child has everything that its parent had, and a
// helper what it listens on until it hears that nobody is there any more.
const portFreeWithin = time.Second

// soon is what listen returns, for an address that may be free in a moment.
func soon[T any](listen func() (T, error)) (T, error) {
	for until := time.Now().Add(portFreeWithin); ; time.Sleep(portFreeWithin / 50) {
		l, err := listen()
		if !errors.Is(err, unix.EADDRINUSE) || time.Now().After(until) {
			return l, err
		}
	}
}

// listen binds a listener. One that is shared lets sessions have the same port.
func listen(addr netip.AddrPort, shared bool) (*listener, error) {
	l, err := newListener(family(addr.Addr()))
	if err != nil {
		return nil, fmt.Errorf("listening on %v: %w", addr, err)
	}
	if err := l.claim(addr, shared); err != nil {
		l.close()
		return nil, fmt.Errorf("listening on %v: %w%s", addr, err, hint(err, "-ulpn"))
	}
	return l, nil
}

// claim binds l to an address that no other server has.
func (l *listener) claim(addr netip.AddrPort, shared bool) error {
	addr, err := l.numbered(addr)
	if err != nil {
		return err
	}
	if !shared {
		return l.bind(addr)
	}
	if addr.Port() == 0 {
		err = l.bindAnywhere(addr)
	} else if err = taken(addr); err == nil {
		err = l.bindFirst(addr)
	}
	if err != nil {
		return err
	}
	return l.addSpares()
}

// addSpares gives a shared listener of every address what others will need.
func (l *listener) addSpares() error {
	for l.addr.Addr().IsUnspecified() && len(l.spares) < spares {
		spare, err := newListener(family(l.addr.Addr()))
		if err != nil {
			return err
		}
		l.spares = append(l.spares, spare)
	}
	return nil
}

func (l *listener) close() {
	unix.Close(l.fd)
	for _, spare := range l.spares {
		spare.close()
	}
}

// hint says what to do about an address that can't be had; options are those of ss(8)
// that list who else has ports of its kind.
func hint(err error, options string) string {
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return " (another server has this port: see ss " + options + ")"
	case errors.Is(err, unix.EACCES):
		return " (ports below 1024 need root or CAP_NET_BIND_SERVICE)"
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return " (no interface has this address: see ip address)"
	}
	return ""
}

// newListener returns one that is not bound.
func newListener(family int) (*listener, error) {
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	l := &listener{fd: fd}
	if err := l.equip(family); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// adopt makes a listener of a socket that a service manager has bound.
func adopt(k Socket) (*listener, error) {
	wrong := func(what string, err error) (*listener, error) {
		return nil, fmt.Errorf("socket %q of the service manager, descriptor %d: %s: %w", k.Name, k.FD, what, err)
	}
	kind, err := unix.GetsockoptInt(k.FD, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return wrong("want a socket", err)
	}
	bound, err := unix.Getsockname(k.FD)
	if err != nil {
		return wrong("its address", err)
	}
	l := &listener{fd: k.FD, addr: addrPort(bound)}
	if kind != unix.SOCK_DGRAM || !l.addr.IsValid() || l.addr.Port() == 0 {
		return wrong("want UDP, bound to a port (ListenDatagram=ADDRESS:PORT)", unix.EPROTOTYPE)
	}
	if l.addr.Addr() == netip.IPv6Unspecified() {
		// It can't be changed any more.
		if only, err := unix.GetsockoptInt(k.FD, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY); err != nil || only == 0 {
			return wrong("it is for IPv4, too; want BindIPv6Only=ipv6-only, and ListenDatagram=0.0.0.0:PORT beside it", unix.EAFNOSUPPORT)
		}
	}
	unix.CloseOnExec(k.FD)
	if err := unix.SetNonblock(k.FD, true); err != nil {
		return wrong("O_NONBLOCK", err)
	}
	if err := l.equip(family(l.addr.Addr())); err != nil {
		return wrong("its options", err)
	}
	l.newDrops() // what it had no room for until now
	return l, nil
}

// equip sets what a listener's socket must have, bound or not.
func (l *listener) equip(family int) (err error) {
	if family == unix.AF_INET {
		err = unix.SetsockoptInt(l.fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	} else {
		err = errors.Join(
			// IPv4 has a socket of its own: mapped addresses would reach handlers and logs.
			l.onlyIPv6(),
			unix.SetsockoptInt(l.fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1))
	}
	if err != nil {
		return err
	}
	stampListener(l.fd)
	// The default buffer holds 256 requests, and what a burst loses there nobody
	// sees. FORCE needs CAP_NET_ADMIN; without it the kernel gives what it allows.
	// One that was adopted and has been given more than the default keeps that.
	before, err := unix.GetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return err
	}
	const usual = 212_992 // net.core.rmem_default
	if before < 2*receiveBuffer && unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil &&
		(!l.addr.IsValid() || before <= usual) {
		unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	l.room, err = unix.GetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	return err
}

// onlyIPv6 is for sockets that are not bound yet.
func (l *listener) onlyIPv6() error {
	if l.addr.IsValid() {
		return nil
	}
	return unix.SetsockoptInt(l.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
}

func (l *listener) bind(addr netip.AddrPort) error {
	if err := unix.Bind(l.fd, sockaddr(addr)); err != nil {
		return err
	}
	bound, err := unix.Getsockname(l.fd)
	if err != nil {
		return err
	}
	l.addr = addrPort(bound)
	return nil
}

// numbered replaces the name of a zone by its number, as addrPort writes it.
func (l *listener) numbered(a netip.AddrPort) (netip.AddrPort, error) {
	name := a.Addr().Zone()
	if _, err := strconv.ParseUint(name, 10, 31); name == "" || err == nil {
		return a, nil
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		err = unix.IoctlIfreq(l.fd, unix.SIOCGIFINDEX, request)
	}
	if err != nil {
		return a, fmt.Errorf("interface %s: %w", name, err)
	}
	return netip.AddrPortFrom(withZone(a.Addr().WithZone(""), int(request.Uint32())), a.Port()), nil
}

// newDrops returns how many datagrams the kernel threw away since the last call.
func (l *listener) newDrops() uint64 {
	const drops = 8 // SK_MEMINFO_DROPS
	var info [9]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(l.fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0
	}
	n := info[drops] - l.drops // the kernel's counter wraps, and so does this
	l.drops = info[drops]
	return uint64(n)
}

// refuse sends one ERROR from the address that the client asked. It is lost if
// the kernel has no room: the client asks again.
func (l *listener) refuse(a arrival, e *protocol.Error) {
	unix.Sendmsg(l.fd, e.Append(nil), sourceControl(a), sockaddr(a.peer), unix.MSG_DONTWAIT)
}

func sourceControl(a arrival) []byte {
	if a.local.Is4() {
		return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: a.local.As4()})
	}
	return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: a.local.As16(), Ifindex: max(zone(a.peer.Addr()), zone(a.local))})
}

// zone is the interface of a link-local address, 0 for all others.
func zone(a netip.Addr) uint32 {
	if !a.Is6() || !a.IsLinkLocalUnicast() {
		return 0
	}
	var n uint32
	for _, c := range a.Zone() { // written by addrPort, as a number
		n = n*10 + uint32(c-'0')
	}
	return n
}

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16(), ZoneId: zone(a.Addr())}
}

func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(withZone(netip.AddrFrom16(sa.Addr), int(sa.ZoneId)), uint16(sa.Port))
	}
	return netip.AddrPort{}
}
