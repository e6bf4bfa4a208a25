package supervisor

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// receiver reads datagrams in batches: in a boot storm one call brings 32.
// Its buffers are used again for every batch and every listener.
type receiver struct {
	headers [batch]mmsghdr
	vectors [batch]unix.Iovec
	names   [batch]unix.RawSockaddrInet6 // the larger of the two families
	control [batch][96]byte              // an in6_pktinfo and a timespec, with their headers, are 72
	// One byte more than a request may have, so that a longer one is seen to be longer.
	data [batch][protocol.MaxRequestLen + 1]byte
}

// mmsghdr is the kernel's struct of that name; x/sys has no call for recvmmsg(2).
type mmsghdr struct {
	unix.Msghdr
	Len uint32
}

// receive calls yield for each datagram that waits on l, one batch at most, and
// returns how many there were. An error of the socket is a message about some
// packet sent earlier and is passed over.
func (r *receiver) receive(l *listener, yield func(arrival)) int {
	for i := range r.headers {
		h := &r.headers[i]
		r.vectors[i] = unix.Iovec{Base: &r.data[i][0]}
		r.vectors[i].SetLen(len(r.data[i]))
		h.Name = (*byte)(unsafe.Pointer(&r.names[i]))
		h.Namelen = uint32(unsafe.Sizeof(r.names[i]))
		h.Iov = &r.vectors[i]
		h.SetIovlen(1)
		h.Control = &r.control[i][0]
		h.SetControllen(len(r.control[i]))
		h.Flags = 0
	}
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(l.fd), uintptr(unsafe.Pointer(&r.headers)),
		batch, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0
	}
	for i := range int(n) {
		h := &r.headers[i]
		a := arrival{peer: r.peer(i), data: r.data[i][:h.Len]}
		a.told(r.control[i][:h.Controllen])
		if a.local.IsValid() && a.peer.IsValid() {
			yield(a)
		}
	}
	return int(n)
}

func (r *receiver) peer(i int) netip.AddrPort {
	// Both families keep the port where struct sockaddr_in6 has it.
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&r.names[i].Port))[:])
	switch r.names[i].Family {
	case unix.AF_INET:
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(&r.names[i]))
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), port)
	case unix.AF_INET6:
		return netip.AddrPortFrom(withZone(netip.AddrFrom16(r.names[i].Addr), int(r.names[i].Scope_id)), port)
	}
	return netip.AddrPort{}
}

// told reads what the kernel says of a datagram. IP_PKTINFO or IPV6_PKTINFO: the address
// to answer from and the interface that it came in by. For a broadcast ipi_spec_dst is the
// interface's own address, where ipi_addr would be the broadcast address. An address of
// ours that can't be answered from is none. SCM_TIMESTAMPNS: when it came.
func (a *arrival) told(control []byte) {
	for len(control) >= unix.SizeofCmsghdr {
		head, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			break
		}
		switch {
		case head.Level == unix.IPPROTO_IP && head.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			info := (*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0]))
			a.local, a.ifindex = netip.AddrFrom4(info.Spec_dst), int(info.Ifindex)
		case head.Level == unix.IPPROTO_IPV6 && head.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
			if addr := withZone(netip.AddrFrom16(info.Addr), int(info.Ifindex)); !addr.IsMulticast() {
				a.local, a.ifindex = addr, int(info.Ifindex)
			}
		case head.Level == unix.SOL_SOCKET && head.Type == unix.SCM_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})):
			ts := (*unix.Timespec)(unsafe.Pointer(&data[0]))
			a.came = stamp(ts.Nano())
		}
		control = rest
	}
}

// withZone keeps the interface of a link-local address, as a number.
func withZone(a netip.Addr, ifindex int) netip.Addr {
	if a.Is6() && a.IsLinkLocalUnicast() && ifindex != 0 {
		return a.WithZone(strconv.Itoa(ifindex))
	}
	return a
}
