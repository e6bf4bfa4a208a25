package inventory

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// A MAC is a hardware address of 6 bytes.
type MAC [6]byte

// String returns the form 52:54:00:12:34:56.
func (m MAC) String() string {
	return m.Join(":", 1)
}

// Join returns the digits, in lower case, with a separator after each n bytes: 1,
// 2, 3 or 6.
func (m MAC) Join(separator string, n int) string {
	b := make([]byte, 0, 17)
	for i := 0; i < len(m); i += n {
		if i > 0 {
			b = append(b, separator...)
		}
		b = hex.AppendEncode(b, m[i:i+n])
	}
	return string(b)
}

// ParseMAC reads a MAC in any case and notation: 52:54:00:12:34:56 (a leading
// zero of a byte may be left out), 52-54-00-12-34-56, 5254.0012.3456,
// 525400-123456, 525400123456, and 01-52-54-00-12-34-56 as PXELINUX and GRUB
// write it, with the hardware type in front.
func ParseMAC(s string) (MAC, error) {
	digits := s
	if len(digits) == 20 {
		digits = strings.TrimPrefix(digits, "01-")
	}
	for _, separator := range []string{":", "-", "."} {
		groups := strings.Split(digits, separator)
		if len(groups) == 1 {
			continue
		}
		if separator == ":" {
			for i, g := range groups {
				if len(g) == 1 {
					groups[i] = "0" + g
				}
			}
		}
		size := len(groups[0])
		for _, g := range groups {
			if len(g) != size || size%2 != 0 || size*len(groups) != 12 {
				return MAC{}, notMAC(s)
			}
		}
		digits = strings.Join(groups, "")
		break
	}
	b, ok := unhex(digits)
	if !ok || len(b) != len(MAC{}) {
		return MAC{}, notMAC(s)
	}
	return MAC(b), nil
}

func notMAC(s string) error {
	return fmt.Errorf("%q is no MAC: it has 12 hexadecimal digits, such as 52:54:00:12:34:56", s)
}

func unhex(s string) ([]byte, bool) {
	b, err := hex.DecodeString(s)
	return b, err == nil
}
