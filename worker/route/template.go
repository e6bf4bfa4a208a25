package route

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// variables is what a template can name.
type variables struct {
	file    string // the name as it is
	matched string // the name that the rule's regexp matched
	groups  []int  // where; nil: there is no such regexp
	regexp  *regexp.Regexp
	named   []string // name, value, name, value; of one name the last counts
	client  netip.Addr
	local   netip.Addr
	mac     mac
}

// builtin are the variables that are not groups.
var builtin = [...]string{"file", "ip", "ip-hex", "local", "mac", "mac-dashed", "mac-plain"}

// value appends the value of a variable; ok is false if the request has none.
func (v *variables) value(b []byte, name string) (_ []byte, ok bool) {
	switch name {
	case "file":
		return append(b, v.file...), true
	case "ip":
		return append(b, v.client.String()...), true
	case "ip-hex":
		return appendHex(b, v.client), true
	case "local":
		return append(b, v.local.String()...), true
	case "mac":
		return v.mac.append(b, ':'), v.mac.n != 0
	case "mac-dashed":
		return v.mac.append(b, '-'), v.mac.n != 0
	case "mac-plain":
		return v.mac.append(b, 0), v.mac.n != 0
	}
	for i := len(v.named) - 2; i >= 0; i -= 2 {
		if v.named[i] == name {
			return append(b, v.named[i+1]...), true
		}
	}
	return b, false
}

// appendHex writes an address as tftp-hpa's \x does: C0000207.
func appendHex(b []byte, a netip.Addr) []byte {
	for _, c := range a.AsSlice() {
		b = append(b, upperByte(hexDigits[c>>4]), upperByte(hexDigits[c&15]))
	}
	return b
}

// expand appends what a template comes to. It says whether the request has every
// variable that is named; one that it has not is the text missing. A numbered
// group that took no part in the match is empty, as in tftp-hpa.
func (v *variables) expand(b []byte, template, missing string) (_ []byte, all bool) {
	all = true
	change := same
	most := maxFile + len(v.matched) + len(v.file) // more is an error in any case
	for template != "" && len(b) <= most {
		var t token
		t, template = nextToken(template)
		start := len(b)
		switch t.kind {
		case tokenText:
			b = append(b, t.text...)
		case tokenGroup:
			if 2*t.group+1 < len(v.groups) && v.groups[2*t.group] >= 0 {
				b = append(b, v.matched[v.groups[2*t.group]:v.groups[2*t.group+1]]...)
			}
		case tokenVariable:
			var ok bool
			if b, ok = v.value(b, t.text); !ok {
				b, all = append(b, missing...), false
			}
		case tokenCase:
			change = t.change
		}
		for i := start; i < len(b); i++ {
			b[i] = change(b[i])
		}
	}
	return b, all
}

type tokenKind int

const (
	tokenText tokenKind = iota
	tokenGroup
	tokenVariable
	tokenCase
)

// token is a piece of a template.
type token struct {
	kind   tokenKind
	text   string // as it stands, or a variable's name
	group  int
	change func(byte) byte // what \U, \L and \E begin
}

// nextToken takes the first piece off a template.
func nextToken(s string) (token, string) {
	if rest, ok := strings.CutPrefix(s, "${"); ok {
		if name, rest, ok := strings.Cut(rest, "}"); ok {
			return token{kind: tokenVariable, text: name}, rest
		}
	}
	if s[0] != '\\' || len(s) == 1 {
		end := 1 + strings.IndexAny(s[1:], `\$`)
		if end == 0 {
			end = len(s)
		}
		return token{text: s[:end]}, s[end:]
	}
	c, rest := s[1], s[2:]
	switch {
	case '0' <= c && c <= '9':
		return token{kind: tokenGroup, group: int(c - '0')}, rest
	case c == 'i':
		return token{kind: tokenVariable, text: "ip"}, rest
	case c == 'x':
		return token{kind: tokenVariable, text: "ip-hex"}, rest
	case c == 'U':
		return token{kind: tokenCase, change: upperByte}, rest
	case c == 'L':
		return token{kind: tokenCase, change: lowerByte}, rest
	case c == 'E':
		return token{kind: tokenCase, change: same}, rest
	}
	return token{text: s[1:2]}, rest
}

// checkTemplate says what is wrong with a template in a rule whose regexps have
// at least so many groups, -1 for no regexp. named are all groups' names.
func checkTemplate(s string, groups int, named []string) error {
	if strings.IndexByte(s, 0) >= 0 {
		return fmt.Errorf("%q holds a NUL, which no name can have", s)
	}
	for rest := s; rest != ""; {
		var t token
		t, rest = nextToken(rest)
		switch {
		case t.kind == tokenText && strings.HasPrefix(t.text, "${"):
			return fmt.Errorf(`%q has a ${ without its }: write \$ for the character`, s)
		case t.kind == tokenGroup && groups < 0:
			return fmt.Errorf(`%q names \%d, but match.regexp is empty: want a regexp, or \\ for the character`, s, t.group)
		case t.kind == tokenGroup && t.group > groups:
			return fmt.Errorf(`%q names \%d, but a regexp of match.regexp has %d groups`, s, t.group, groups)
		case t.kind == tokenVariable && !slices.Contains(builtin[:], t.text) && !slices.Contains(named, t.text):
			return fmt.Errorf("%q names ${%s}, which is no group of any rule's regexp: want (?P<%s>...) in one, or ${%s}", s, t.text, t.text, strings.Join(builtin[:], "}, ${"))
		}
	}
	return nil
}

// usesGroups says whether a template names what the rule's own regexp matched.
func usesGroups(s string) bool {
	for s != "" {
		var t token
		if t, s = nextToken(s); t.kind == tokenGroup {
			return true
		}
	}
	return false
}
