package render

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"brood/worker/render/inventory"
)

// hexIP prints an IPv4 address as PXELINUX names files by it: 0A000007.
func hexIP(s string) (string, error) {
	addr, err := inventory.ParseIP(s)
	if err == nil && !addr.Is4() {
		err = fmt.Errorf("%s is not IPv4", addr)
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%X", addr.AsSlice()), nil
}

// urlHost prints an address as URLs have it: IPv6 in brackets. A name stays.
func urlHost(s string) string {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Is6() {
		return "[" + s + "]"
	}
	return s
}

// cidr joins an address and a prefix length or a netmask: 10.0.0.7/24.
func cidr(addr string, length any) (string, error) {
	a, err := inventory.ParseIP(addr)
	if err != nil {
		return "", err
	}
	n, err := lengthOf(length)
	if err != nil {
		return "", err
	}
	if p := netip.PrefixFrom(a, n); p.IsValid() {
		return p.String(), nil
	}
	return "", fmt.Errorf("%s can't have a prefix of %d bits", a, n)
}

func lengthOf(v any) (int, error) {
	s, err := printable(v)
	if err != nil {
		return 0, fmt.Errorf("prefix length %w", err)
	}
	if mask, err := netip.ParseAddr(s); err == nil && mask.Is4() {
		m := binary.BigEndian.Uint32(mask.AsSlice())
		if n := bits.LeadingZeros32(^m); m<<n == 0 {
			return n, nil
		}
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("%q is no prefix length and no netmask", s)
	}
	return n, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil && !strings.Contains(s, "/") {
		err = fmt.Errorf("%q has no prefix length, such as 10.0.0.7/24", s)
	}
	return p, err
}

// network prints the network of 10.0.0.7/24: 10.0.0.0.
func network(s string) (string, error) {
	p, err := parsePrefix(s)
	return p.Masked().Addr().String(), err
}

// broadcast prints the last address of 10.0.0.7/24: 10.0.0.255.
func broadcast(s string) (string, error) {
	p, err := parsePrefix(s)
	if err == nil && !p.Addr().Is4() {
		err = fmt.Errorf("%s: IPv6 has no broadcast", s)
	}
	if err != nil {
		return "", err
	}
	return host(s, -1)
}

// netmask prints the netmask of 10.0.0.7/24: 255.255.255.0.
func netmask(s string) (string, error) {
	p, err := parsePrefix(s)
	if err == nil && !p.Addr().Is4() {
		err = fmt.Errorf("%s: IPv6 has no netmask, see prefixLen", s)
	}
	if err != nil {
		return "", err
	}
	mask := binary.BigEndian.AppendUint32(nil, ^uint32(0)<<(32-p.Bits()))
	return netip.AddrFrom4([4]byte(mask)).String(), nil
}

// prefixLen prints the prefix length of 10.0.0.7/24: 24.
func prefixLen(s string) (int, error) {
	p, err := parsePrefix(s)
	return p.Bits(), err
}

// host prints the nth address of a network: of 10.0.0.0/24 and 5, 10.0.0.5; a
// negative one counts from the end: -1 is 10.0.0.255, -2 10.0.0.254.
func host(s string, n int) (string, error) {
	p, err := parsePrefix(s)
	if err != nil {
		return "", err
	}
	size := p.Addr().BitLen() - p.Bits() // in bits
	offset := uint64(n)
	if n < 0 {
		offset = uint64(-(n + 1)) // from the last address, downwards
	}
	if size < 64 && offset>>size != 0 {
		return "", fmt.Errorf("%s has no address %d", p.Masked(), n)
	}
	b := p.Masked().Addr().As16()
	low := binary.BigEndian.Uint64(b[8:])
	if n >= 0 {
		binary.BigEndian.PutUint64(b[8:], low+offset)
	} else {
		high := binary.BigEndian.Uint64(b[:8])
		if size >= 64 {
			high, low = high|onesBelow(size-64), ^uint64(0)
		}
		binary.BigEndian.PutUint64(b[:8], high)
		binary.BigEndian.PutUint64(b[8:], (low|onesBelow(size))-offset)
	}
	a := netip.AddrFrom16(b)
	if p.Addr().Is4() {
		a = a.Unmap()
	}
	return a.String(), nil
}

// onesBelow has the n lowest bits set.
func onesBelow(n int) uint64 {
	if n >= 64 {
		return ^uint64(0)
	}
	return 1<<n - 1
}

// hostNumber prints which address of its network 10.0.0.7/24 is: 7.
func hostNumber(s string) (uint64, error) {
	p, err := parsePrefix(s)
	if err != nil {
		return 0, err
	}
	size := p.Addr().BitLen() - p.Bits()
	if size > 64 {
		return 0, errors.New(s + ": host numbers have 64 bits at most")
	}
	b := p.Addr().As16()
	return binary.BigEndian.Uint64(b[8:]) & onesBelow(size), nil
}
