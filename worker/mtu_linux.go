package worker

import (
	"golang.org/x/sys/unix"

	"brood/protocol"
)

// Lengths of the headers before a TFTP packet: IP without options, and UDP.
const (
	ipv4Headers = 20 + 8
	ipv6Headers = 40 + 8
)

// unfragmented is the largest block whose DATA packet goes to the peer in one
// piece: by the MTU of the route as the kernel knows it, the link's or what path
// MTU discovery has learned. Where the kernel can't say, any block is.
func (s *socket) unfragmented(ipv4 bool) int {
	level, option := unix.IPPROTO_IPV6, unix.IPV6_MTU
	if ipv4 {
		level, option = unix.IPPROTO_IP, unix.IP_MTU
	}
	mtu, err := unix.GetsockoptInt(s.fd, level, option)
	if err != nil {
		return protocol.MaxBlksize
	}
	return withinMTU(mtu, ipv4)
}

// withinMTU is the largest block whose DATA packet fits the MTU.
func withinMTU(mtu int, ipv4 bool) int {
	headers := ipv6Headers
	if ipv4 {
		headers = ipv4Headers
	}
	return min(max(mtu-headers-dataHeaderLen, protocol.MinBlksize), protocol.MaxBlksize)
}
