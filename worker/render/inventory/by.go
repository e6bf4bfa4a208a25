package inventory

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// By is what a machine is looked up by.
type By string

// The keys of a machine.
const (
	ByMAC    By = "mac"    // in any notation that ParseMAC takes
	ByIP     By = "ip"     // IPv4 or IPv6, or IPv4 as PXELINUX's 8 hexadecimal digits
	ByUUID   By = "uuid"   // 32 hexadecimal digits, with dashes or without
	BySerial By = "serial" // without regard to case
	ByName   By = "name"   // without regard to case
)

// Keys are all of them.
var Keys = [...]By{ByMAC, ByIP, ByUUID, BySerial, ByName}

// Known tells whether there is such a key.
func (by By) Known() bool { return slices.Contains(Keys[:], by) }

// Canonical returns the one spelling of a key that the table knows, or an error
// that says why the value can't be such a key.
func (by By) Canonical(value string) (string, error) {
	switch by {
	case ByMAC:
		mac, err := ParseMAC(value)
		return mac.String(), err
	case ByIP:
		addr, err := ParseIP(value)
		return addr.String(), err
	case ByUUID:
		return canonicalUUID(value)
	case ByName, BySerial:
		if value = strings.TrimSpace(value); value == "" {
			return "", fmt.Errorf("%s is empty", by)
		}
		return strings.ToLower(value), nil
	}
	return "", fmt.Errorf("machines have no key %q, only mac, ip, uuid, serial and name", string(by))
}

// ParseIP reads an address: also IPv4 as PXELINUX writes it, 0A000007. IPv4
// within IPv6 is IPv4, and a zone is left out.
func ParseIP(s string) (netip.Addr, error) {
	if b, ok := unhex(s); ok && len(b) == 4 {
		return netip.AddrFrom4([4]byte(b)), nil
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		if strings.Contains(s, "/") {
			err = errors.New("it is a prefix, not an address")
		}
		return netip.Addr{}, fmt.Errorf("%q is no IP address: %w", s, err)
	}
	return addr.Unmap().WithZone(""), nil
}

func canonicalUUID(s string) (string, error) {
	b, ok := unhex(strings.ReplaceAll(s, "-", ""))
	if !ok || len(b) != 16 {
		return "", fmt.Errorf("%q is no UUID: it has 32 hexadecimal digits, with dashes or without", s)
	}
	digits := hex.EncodeToString(b)
	return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:], nil
}
