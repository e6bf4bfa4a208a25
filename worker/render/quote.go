package render

import (
	"errors"
	"fmt"
	"strings"
)

// shellQuote makes one word of a text for a POSIX shell.
func shellQuote(s string) (string, error) {
	if strings.Contains(s, "\x00") {
		return "", errors.New("a shell's word can't hold NUL")
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'", nil
}

// lineQuote makes one word of a text for GRUB and for kickstart files, which
// quote as a shell does but are read line by line.
func lineQuote(s string) (string, error) {
	if strings.ContainsAny(s, "\r\n\x00") {
		return "", fmt.Errorf("%q: a word can't hold the end of a line here", s)
	}
	return shellQuote(s)
}

// ipxeWord prints a text that is one word to iPXE, or fails: iPXE has no quotes,
// and splits at white space before it expands ${settings}.
func ipxeWord(s string) (string, error) {
	switch {
	case s == "", s == "||", s == "&&", s == ";", s[0] == '#',
		strings.ContainsAny(s, " \t\r\n\v\f\x00"), strings.Contains(s, "${"), strings.HasSuffix(s, `\`):
		return "", fmt.Errorf("%q can't be one word of an iPXE script, which has no quotes", s)
	}
	return s, nil
}
