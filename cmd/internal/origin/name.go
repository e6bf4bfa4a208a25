package origin

import (
	"strings"

	"brood/ipc/fetch"
)

// refusal is an error that a worker is told.
type refusal struct {
	cause  fetch.Cause
	reason string
}

func (r *refusal) Error() string { return r.reason }

func refused(cause fetch.Cause, reason string) error { return &refusal{cause, reason} }

// clean returns the path below an origin's URL that a name stands for, not escaped
// yet; brood/worker/origin says what names mean.
func clean(name string) (string, error) {
	if strings.Contains(name, "\x00") {
		return "", refused(fetch.CauseForbidden, "the name holds a NUL")
	}
	parts := strings.FieldsFunc(name, isSeparator)
	kept := parts[:0]
	for _, part := range parts {
		switch part {
		case "..":
			return "", refused(fetch.CauseForbidden, "the name leads upwards")
		case ".":
		default:
			kept = append(kept, part)
		}
	}
	if len(kept) == 0 || isSeparator(rune(name[len(name)-1])) || parts[len(parts)-1] == "." {
		return "", refused(fetch.CauseForbidden, "the name is a directory's")
	}
	return strings.Join(kept, "/"), nil
}

func isSeparator(r rune) bool { return r == '/' || r == '\\' }

// escape writes a path as a URL has it (RFC 3986 §2): all but what needs no escape
// there by any reading of any server. A dot is such a byte; "." and ".." as parts
// clean has taken out.
func escape(path string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}
