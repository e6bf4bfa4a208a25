package protocol

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns name as it stands if it is valid UTF-8 that prints as one
// line and nothing else, and quoted as Go does otherwise. A name that begins
// with a quotation mark is quoted too, so no two names print alike.
func Printable(name string) string {
	if strings.HasPrefix(name, `"`) || !utf8.ValidString(name) || strings.ContainsFunc(name, unprintable) {
		return strconv.Quote(name)
	}
	return name
}

// unprintable holds for controls, for format characters such as those that turn
// the direction of writing, and for every space but the common one.
func unprintable(r rune) bool { return !unicode.IsPrint(r) }
