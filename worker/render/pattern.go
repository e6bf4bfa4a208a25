package render

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"brood/worker/render/inventory"
)

// A pattern matches the names of a document. A worker is a new process for each
// session, so the regular expression is compiled when a name has passed the
// literal texts at both ends, and not kept.
type pattern struct {
	prefix, suffix string
	expr           string
}

// parsePattern reads Document.File.
func parsePattern(s string) (*pattern, error) {
	if s == "" {
		return nil, errors.New("no file: want a pattern such as pxelinux.cfg/01-{mac}")
	}
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("file %q: want UTF-8", s) // or its expression would not compile, at each request
	}
	p := &pattern{prefix: s}
	if i := strings.IndexAny(s, "*{"); i >= 0 {
		p.prefix, p.suffix = s[:i], s[strings.LastIndexAny(s, "*}")+1:]
	}
	var b strings.Builder
	for rest := s; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "**"):
			b.WriteString(".*")
			rest = rest[2:]
		case rest[0] == '*':
			b.WriteString("[^/]*")
			rest = rest[1:]
		case rest[0] == '{':
			name, after, ok := strings.Cut(rest[1:], "}")
			if !ok || !isGroup(name) {
				return nil, fmt.Errorf("file %q: want {x} with a name of letters, digits and _ in place of %q", s, rest)
			}
			if strings.Contains(b.String(), "<"+name+">") {
				return nil, fmt.Errorf("file %q has {%s} twice", s, name)
			}
			fmt.Fprintf(&b, "(?P<%s>%s)", name, charsOf(name))
			rest = after
		default:
			end := strings.IndexAny(rest, "*{")
			if end < 0 {
				end = len(rest)
			}
			b.WriteString(regexp.QuoteMeta(rest[:end]))
			rest = rest[end:]
		}
	}
	p.expr = b.String()
	return p, nil
}

func isGroup(name string) bool {
	for i, c := range name {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// charsOf is what a group may hold: not more than such a key can, so that
// {mac}.{serial} is taken apart at the right place.
func charsOf(name string) string {
	switch inventory.By(name) {
	case inventory.ByMAC:
		return "[0-9A-Fa-f.:-]+"
	case inventory.ByIP:
		return "[0-9A-Fa-f.:]+"
	case inventory.ByUUID:
		return "[0-9A-Fa-f-]+"
	}
	return "[^/]+"
}

func (p *pattern) compile() (*regexp.Regexp, error) {
	return regexp.Compile(`(?s)\A(?:` + p.expr + `)\z`)
}

// match returns the named groups of a name; nil: it does not match.
func (p *pattern) match(name string) (map[string]any, error) {
	if !strings.HasPrefix(name, p.prefix) || !strings.HasSuffix(name, p.suffix) {
		return nil, nil
	}
	re, err := p.compile()
	if err != nil {
		return nil, err
	}
	at := re.FindStringSubmatchIndex(name)
	if at == nil {
		return nil, nil
	}
	groups := map[string]any{}
	for i, group := range re.SubexpNames() {
		if group != "" && at[2*i] >= 0 {
			groups[group] = name[at[2*i]:at[2*i+1]]
		}
	}
	return groups, nil
}
