package client

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// hearErrors has the kernel tell an unconnected socket what ICMP says. A connected
// one would hear it anyway, but the server answers from a port that is not known.
func hearErrors(conn *net.UDPConn) {
	control(conn, func(fd int) {
		// One of them is the socket's; to a socket for both families both apply.
		unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_RECVERR, 1)
		unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_RECVERR, 1)
	})
}

// readErrors empties the socket's queue of errors. Dest, without a zone, is whom the
// packet was for that ICMP came back of.
func readErrors(conn *net.UDPConn, tell func(dest netip.AddrPort, err syscall.Errno)) {
	control(conn, func(fd int) {
		packet, more := make([]byte, 1), make([]byte, 512)
		for {
			_, n, _, to, err := unix.Recvmsg(fd, packet, more, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				return
			}
			messages, err := unix.ParseSocketControlMessage(more[:n])
			if err != nil {
				return
			}
			for _, m := range messages {
				ip4 := m.Header.Level == unix.SOL_IP && m.Header.Type == unix.IP_RECVERR
				ip6 := m.Header.Level == unix.SOL_IPV6 && m.Header.Type == unix.IPV6_RECVERR
				if (ip4 || ip6) && len(m.Data) >= 4 {
					tell(addrPort(to), syscall.Errno(binary.NativeEndian.Uint32(m.Data))) // sock_extended_err.ee_errno
				}
			}
		}
	})
}

func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

func control(conn *net.UDPConn, f func(fd int)) {
	if raw, err := conn.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { f(int(fd)) })
	}
}
