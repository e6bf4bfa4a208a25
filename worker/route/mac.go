package route

import "strings"

// maxOctets is the length of a MAC.
const maxOctets = 6

// mac is a hardware address, or the first octets of one.
type mac struct {
	octets [maxOctets]byte
	n      int // 0: none
}

// parseMAC reads a whole MAC in any notation: 52:54:00:12:34:56 with : - or . or
// nothing between two, four or six digits, and 01- in front as PXELINUX has it.
func parseMAC[T string | []byte](s T) (mac, bool) {
	m, ok := parseOctets(s)
	if ok && m.n == maxOctets {
		return m, true
	}
	if len(s) < 2 || s[0] != '0' || s[1] != '1' {
		return mac{}, false
	}
	rest := s[2:]
	if len(rest) > 0 && isSeparator(rest[0]) {
		rest = rest[1:]
	}
	m, ok = parseOctets(rest)
	return m, ok && m.n == maxOctets
}

// parseOctets reads one to six octets. The digits stand in groups of one length,
// two, four or six, with one separator; the last group may be shorter.
func parseOctets[T string | []byte](s T) (m mac, ok bool) {
	var separator byte
	group, run := 0, 0 // digits between separators, and so far in this group
	digits := 0
	for i := range len(s) {
		c := s[i]
		if isSeparator(c) {
			if run == 0 || group != 0 && run != group || separator != 0 && c != separator {
				return mac{}, false
			}
			separator, group, run = c, run, 0
			continue
		}
		v, isHex := hexDigit(c)
		if !isHex || digits == 2*maxOctets || group != 0 && run == group {
			return mac{}, false
		}
		m.octets[digits/2] = m.octets[digits/2]<<4 | v
		digits++
		run++
	}
	m.n = digits / 2
	return m, run != 0 && digits%2 == 0 && (group == 0 || group == 2 || group == 4 || group == 6)
}

func isSeparator(c byte) bool { return c == ':' || c == '-' || c == '.' }

func hexDigit(c byte) (v byte, ok bool) {
	switch c = lowerByte(c); {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// notationLengths are those of a whole MAC, with separators or without.
var notationLengths = [...]int{12, 13, 14, 17}

// macsIn calls f for whatever in name can be read as a MAC.
func macsIn(name string, f func(mac)) {
	for i := range len(name) {
		if _, ok := hexDigit(name[i]); !ok {
			continue
		}
		for _, n := range notationLengths {
			if len(name)-i < n {
				break
			}
			if m, ok := parseOctets(name[i : i+n]); ok && m.n == maxOctets {
				f(m)
			}
		}
	}
}

// covers says whether m is or begins with p.
func (m mac) covers(p mac) bool {
	return p.n != 0 && m.n >= p.n && string(m.octets[:p.n]) == string(p.octets[:p.n])
}

const hexDigits = "0123456789abcdef"

// append appends the MAC with separator between its octets; 0: with none.
func (m mac) append(b []byte, separator byte) []byte {
	for i, o := range m.octets[:m.n] {
		if i > 0 && separator != 0 {
			b = append(b, separator)
		}
		b = append(b, hexDigits[o>>4], hexDigits[o&15])
	}
	return b
}

func (m mac) String() string { return string(m.append(nil, ':')) }

// checkMAC reads what a rule says.
func checkMAC(s string) (mac, bool) {
	if m, ok := parseMAC(strings.TrimSpace(s)); ok {
		return m, true
	}
	return parseOctets(strings.TrimSpace(s))
}
