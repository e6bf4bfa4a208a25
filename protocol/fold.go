package protocol

// Modes and option names are netascii (RFC 1350 §5, RFC 2347), so case is that
// of A to Z. Unicode's folding, for which the Kelvin sign is a k, would find
// names in a request that no other implementation sees there.

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// EqualFold says whether two names, of options or modes, are the same: case is that
// of A to Z.
func EqualFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lowerByte(a[i]) != lowerByte(b[i]) {
			return false
		}
	}
	return true
}

// Lower returns s with A to Z in lower case, and all else as it is: what clients send
// are bytes, and need not be UTF-8. It allocates only when there is such a letter.
func Lower(s string) string {
	for i := range len(s) {
		if s[i] != lowerByte(s[i]) {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				b[j] = lowerByte(b[j])
			}
			return string(b)
		}
	}
	return s
}
