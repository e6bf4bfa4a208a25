package supervisor

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// neighbours asks the kernel for the hardware address of a client that is on
// link: one request and one answer over rtnetlink(7), without a dump of the table.
type neighbours struct {
	fd  int
	seq uint32
	buf [4096]byte
}

func openNeighbours() (*neighbours, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("neighbour table: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("neighbour table: %w", err)
	}
	return &neighbours{fd: fd}, nil
}

// lookup returns the address as 52:54:00:12:34:56, or nothing. The kernel
// answers before sendto returns, so this never waits.
func (n *neighbours) lookup(addr netip.Addr, ifindex int) string {
	if n == nil || ifindex == 0 || addr.IsLoopback() {
		return ""
	}
	n.seq++
	request := neighbourRequest(n.seq, addr, ifindex)
	if unix.Sendto(n.fd, request, unix.MSG_DONTWAIT, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}) != nil {
		return ""
	}
	for {
		got, _, err := unix.Recvfrom(n.fd, n.buf[:], unix.MSG_DONTWAIT)
		if err != nil {
			return ""
		}
		// An answer to an earlier request may still lie there.
		if got >= unix.SizeofNlMsghdr && binary.NativeEndian.Uint32(n.buf[8:]) == n.seq {
			return neighbourMAC(n.buf[:got])
		}
	}
}

// attrHeaderLen is the length of struct rtattr: length and type.
const attrHeaderLen = 4

// neighbourRequest is an RTM_GETNEIGH message: nlmsghdr, ndmsg, NDA_DST.
func neighbourRequest(seq uint32, addr netip.Addr, ifindex int) []byte {
	ip := addr.AsSlice()
	size := unix.SizeofNlMsghdr + unix.SizeofNdMsg + attrHeaderLen + len(ip)
	e := binary.NativeEndian
	b := make([]byte, 0, size)
	b = e.AppendUint32(b, uint32(size))
	b = e.AppendUint16(b, unix.RTM_GETNEIGH)
	b = e.AppendUint16(b, unix.NLM_F_REQUEST)
	b = e.AppendUint32(b, seq)
	b = e.AppendUint32(b, 0)                   // to the kernel
	b = append(b, byte(family(addr)), 0, 0, 0) // ndm_family, padding
	b = e.AppendUint32(b, uint32(ifindex))     // ndm_ifindex
	b = append(b, 0, 0, 0, 0)                  // ndm_state, ndm_flags, ndm_type
	b = e.AppendUint16(b, uint16(attrHeaderLen+len(ip)))
	b = e.AppendUint16(b, unix.NDA_DST)
	return append(b, ip...)
}

// neighbourMAC reads NDA_LLADDR out of an RTM_NEWNEIGH message.
func neighbourMAC(b []byte) string {
	e := binary.NativeEndian
	if len(b) < unix.SizeofNlMsghdr+unix.SizeofNdMsg || e.Uint16(b[4:]) != unix.RTM_NEWNEIGH {
		return ""
	}
	state := e.Uint16(b[unix.SizeofNlMsghdr+8:])
	if state&(unix.NUD_INCOMPLETE|unix.NUD_FAILED) != 0 {
		return ""
	}
	for b = b[unix.SizeofNlMsghdr+unix.SizeofNdMsg:]; len(b) >= attrHeaderLen; {
		n := int(e.Uint16(b))
		if n < attrHeaderLen || n > len(b) {
			return ""
		}
		if e.Uint16(b[2:]) == unix.NDA_LLADDR && n == attrHeaderLen+6 {
			return macText([6]byte(b[attrHeaderLen:n]))
		}
		b = b[min(len(b), (n+3)&^3):]
	}
	return ""
}
