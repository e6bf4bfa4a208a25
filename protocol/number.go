package protocol

import "math"

// parseNumber reads decimal digits and nothing else: no sign, no space, no
// prefix, no more than 64 bits. RFC 2347 writes every number so.
func parseNumber(s string) (n uint64, ok bool) {
	for i := range len(s) {
		digit := uint64(s[i]) - '0'
		if digit > 9 || n > (math.MaxUint64-digit)/10 {
			return 0, false
		}
		n = n*10 + digit
	}
	return n, s != ""
}

// parseBetween reads a number from low to high.
func parseBetween(s string, low, high uint64) (n uint64, ok bool) {
	n, ok = parseNumber(s)
	return n, ok && low <= n && n <= high
}
