package route

// Names are bytes, and case is that of A to Z, as in protocol.Lower. In a regexp it is Unicode's, for
// which the Kelvin sign is a k: see literals.

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

func upperByte(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - ('a' - 'A')
	}
	return c
}

func same(c byte) byte { return c }

// mapped returns s with f done to each byte; s itself where that changes nothing.
func mapped(s string, f func(byte) byte) string {
	for i := range len(s) {
		if f(s[i]) != s[i] {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				b[j] = f(b[j])
			}
			return string(b)
		}
	}
	return s
}

func slashed(c byte) byte {
	if c == '\\' {
		return '/'
	}
	return c
}
