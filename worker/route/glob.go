package route

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// matchGlob says whether pattern, which checkGlob has seen, is all of name.
//
// Only the last * and the last ** need to be tried again. What a later ** skips
// an earlier one need not. And a * takes no /, so whatever stands between two of
// them in a pattern either holds no /, then the later can take what the earlier
// could have, or it does, then the earlier has no choice.
func matchGlob[P string | []byte](pattern P, name string, fold bool) bool {
	type point struct{ p, n int } // of pattern and name; p 0: none
	var star, double point
	p, n := 0, 0
	for {
		if p < len(pattern) && pattern[p] == '*' {
			if p+1 < len(pattern) && pattern[p+1] == '*' {
				p += 2
				star, double = point{}, point{p, n}
			} else {
				p++
				star = point{p, n}
			}
			continue
		}
		if n == len(name) && p == len(pattern) {
			return true
		}
		if n < len(name) && p < len(pattern) {
			if width, step := matchOne(pattern[p:], name[n:], fold); width > 0 {
				p, n = p+step, n+width
				continue
			}
		}
		switch {
		case star.p != 0 && star.n < len(name) && name[star.n] != '/':
			star.n++
			p, n = star.p, star.n
		case double.p != 0 && double.n < len(name):
			double.n++
			star = point{}
			p, n = double.p, double.n
		default:
			return false
		}
	}
}

// matchOne matches one character, or byte if name is not UTF-8, with what stands
// first in pattern, and returns how long both are; width 0: no match.
func matchOne[P string | []byte](pattern P, name string, fold bool) (width, step int) {
	switch pattern[0] {
	case '?', '[':
		r, size := utf8.DecodeRuneInString(name)
		if r == '/' {
			return 0, 0
		}
		if pattern[0] == '?' {
			return size, 1
		}
		if in, step := inSet(pattern, r, fold); in {
			return size, step
		}
		return 0, 0
	case '\\':
		if len(pattern) > 1 && sameByte(pattern[1], name[0], fold) {
			return 1, 2
		}
		return 0, 0
	}
	if !sameByte(pattern[0], name[0], fold) {
		return 0, 0
	}
	return 1, 1
}

func sameByte(a, b byte, fold bool) bool {
	return a == b || fold && lowerByte(a) == lowerByte(b)
}

// inSet reads the set that pattern begins with; step 0: it has no end.
func inSet[P string | []byte](pattern P, r rune, fold bool) (in bool, step int) {
	i := 1
	not := i < len(pattern) && (pattern[i] == '^' || pattern[i] == '!')
	if not {
		i++
	}
	for first := true; i < len(pattern); first = false {
		if pattern[i] == ']' && !first {
			return in != not, i + 1
		}
		low, size := setRune(pattern[i:])
		i += size
		high := low
		if i+1 < len(pattern) && pattern[i] == '-' && pattern[i+1] != ']' {
			high, size = setRune(pattern[i+1:])
			i += 1 + size
		}
		in = in || low <= r && r <= high || fold && foldedIn(low, r, high)
	}
	return false, 0
}

func foldedIn(low, r, high rune) bool {
	switch {
	case 'A' <= r && r <= 'Z':
		r += 'a' - 'A'
	case 'a' <= r && r <= 'z':
		r -= 'a' - 'A'
	}
	return low <= r && r <= high
}

// setRune is the next member of a set; a \ takes what follows as it stands.
func setRune[P string | []byte](pattern P) (r rune, size int) {
	escaped := 0
	if len(pattern) > 1 && pattern[0] == '\\' {
		escaped = 1
	}
	r, size = utf8.DecodeRuneInString(string(pattern[escaped:min(escaped+utf8.UTFMax, len(pattern))]))
	return r, size + escaped
}

var errSet = errors.New("a [ without its ]: write \\[ for the character")

// checkGlob returns the text that every name matching pattern begins with, and
// whether it is all of it.
func checkGlob(pattern string) (prefix string, whole bool, err error) {
	if pattern == "" {
		return "", false, errors.New("is empty, which matches no name: want a glob such as pxelinux.cfg/*")
	}
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '*', '?', '[':
			return b.String(), false, checkSets(pattern[i:])
		case '\\':
			if i++; i == len(pattern) {
				return "", false, fmt.Errorf("%q ends in a \\: write \\\\ for the character", pattern)
			}
		}
		b.WriteByte(pattern[i])
	}
	return b.String(), true, nil
}

func checkSets(pattern string) error {
	for i := 0; i < len(pattern); {
		switch pattern[i] {
		case '\\':
			if i += 2; i > len(pattern) {
				return fmt.Errorf("%q ends in a \\: write \\\\ for the character", pattern)
			}
		case '[':
			_, step := inSet(pattern[i:], 'x', false)
			if step == 0 {
				return errSet
			}
			i += step
		default:
			i++
		}
	}
	return nil
}
