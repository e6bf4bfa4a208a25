package route_test

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"

	"brood/protocol"
	"brood/worker"
	"brood/worker/route"
)

// naive follows rules as doc.go tells it, one after the other and with what the
// standard library has: no table, no index, nothing that package route uses.
type naive struct {
	rules []route.Rule
	req   *worker.Request
	file  string
	mac   string // 12 digits
	named map[string]string
	steps int
}

var errNaive = errors.New("can't be followed")

func (n *naive) decide(req *worker.Request) (route.Decision, error) {
	n.req, n.file, n.mac, n.named = req, req.File, digits(req.MAC, true), map[string]string{}
	var d route.Decision
	for i := 0; i < len(n.rules); i++ {
		r := n.rules[i]
		before := *n
		n.named = map[string]string{}
		for k, v := range before.named {
			n.named[k] = v
		}
		re, ok := n.holds(r.Match, r.IgnoreCase, false)
		if ok {
			_, ok = n.holds(r.Not, r.IgnoreCase, true)
		}
		var files []string
		if ok {
			files, ok = n.do(r, re)
			if n.steps > 4096 || len(n.file) > 4096 {
				return route.Decision{}, errNaive
			}
		}
		if !ok {
			n.file, n.mac, n.named = before.file, before.mac, before.named
			continue
		}
		if slices.Contains(append(files, n.file), "") {
			return route.Decision{}, errNaive
		}
		d.Quirks = d.Quirks.And(r.Quirks)
		if r.Then == "" {
			d.Rule, d.Name = i+1, r.Name
			switch {
			case r.Deny:
				d.Err = &protocol.Error{Code: 2, Message: "Access violation"}
			default:
				d.Handler, d.Files = r.Handler, files
			}
			return d, nil
		}
		d.Passed = append(d.Passed, route.Step{Rule: i + 1, Name: r.Name, File: n.file})
		if n.steps++; n.steps > 4096 {
			return route.Decision{}, errNaive
		}
		if r.Then == "restart" {
			i = -1
		}
	}
	d.Handler, d.Files = route.Default, []string{n.file}
	return d, nil
}

// holds says whether the conditions hold, or with not, whether none does. It
// returns the regexp that matched.
func (n *naive) holds(m route.Match, blind, not bool) (re *regexp.Regexp, ok bool) {
	flags := ""
	if blind {
		flags = "(?i)"
	}
	list := func(entries []string, holds func(string) bool) bool {
		return len(entries) == 0 || slices.ContainsFunc(entries, holds) != not
	}
	under := func(a netip.Addr) func(string) bool {
		return func(e string) bool {
			if p, err := netip.ParsePrefix(e); err == nil {
				return p.Contains(a.Unmap().WithZone(""))
			}
			return netip.MustParseAddr(e) == a.Unmap().WithZone("")
		}
	}
	return re, list(m.File, func(e string) bool {
		file := n.file
		if blind { // of A to Z, where a regexp's is of all letters
			e, file = lowered(e), lowered(file)
		}
		return compiled("(?s)" + globRegexp(e)).MatchString(file)
	}) &&
		list(m.Regexp, func(e string) bool {
			x := compiled(flags + e)
			found := x.FindStringSubmatchIndex(n.file)
			if found == nil {
				return false
			}
			re = x
			for i, name := range x.SubexpNames() {
				if name != "" && found[2*i] >= 0 && !not {
					n.named[name] = n.file[found[2*i]:found[2*i+1]]
					if name == "mac" {
						n.mac = digits(n.named[name], true)
					}
				}
			}
			return true
		}) &&
		list(m.Client, under(n.req.Peer.Addr())) &&
		list(m.Local, under(n.req.Local.Addr())) &&
		list(m.MAC, func(e string) bool { return n.mac != "" && strings.HasPrefix(n.mac, digits(e, false)) }) &&
		list(m.Option, func(e string) bool {
			name, value, valued := strings.Cut(e, "=")
			return slices.ContainsFunc(n.req.Options, func(o protocol.Option) bool {
				return strings.EqualFold(o.Name, name) && (!valued || o.Value == value)
			})
		})
}

func lowered(s string) string {
	return compiled("[A-Z]").ReplaceAllStringFunc(s, strings.ToLower)
}

var compiledBefore sync.Map // regexps by text

func compiled(text string) *regexp.Regexp {
	re, ok := compiledBefore.Load(text)
	if !ok {
		re, _ = compiledBefore.LoadOrStore(text, regexp.MustCompile(text))
	}
	return re.(*regexp.Regexp)
}

// globRegexp translates a glob.
func globRegexp(glob string) string {
	pieces := regexp.MustCompile(`(?s)\\.|\*\*|\*|\?|\[[!^]?.[^\]]*\]|.`).ReplaceAllStringFunc(glob, func(p string) string {
		switch {
		case p[0] == '\\':
			return regexp.QuoteMeta(p[1:])
		case p == "**":
			return ".*"
		case p == "*":
			return "[^/]*"
		case p == "?":
			return "[^/]"
		case p[0] == '[' && (p[1] == '!' || p[1] == '^'):
			return "[^/" + p[2:]
		case p[0] == '[':
			return p
		}
		return regexp.QuoteMeta(p)
	})
	return "^(?:" + pieces + ")$"
}

var (
	wholeMAC = regexp.MustCompile(`^(?i:01[:.-]?)?((?i:[0-9a-f]{2}(:[0-9a-f]{2}){5}|[0-9a-f]{2}(-[0-9a-f]{2}){5}|[0-9a-f]{2}(\.[0-9a-f]{2}){5}|[0-9a-f]{4}([:.-])[0-9a-f]{4}[:.-][0-9a-f]{4}|[0-9a-f]{6}[:.-][0-9a-f]{6}|[0-9a-f]{12}))$`)
	noDigit  = regexp.MustCompile(`[:.-]`)
)

// digits are those of a MAC, or of the first octets of one.
func digits(s string, whole bool) string {
	if m := wholeMAC.FindStringSubmatch(s); m != nil {
		s = m[1]
	} else if whole {
		return ""
	}
	s = strings.ToLower(noDigit.ReplaceAllString(s, ""))
	if _, err := hex.DecodeString(s); err != nil {
		return ""
	}
	return s
}

// do renames, and returns the files to try.
func (n *naive) do(r route.Rule, re *regexp.Regexp) (files []string, ok bool) {
	ok = true
	var found []int
	matched := n.file
	if re != nil {
		found = re.FindStringSubmatchIndex(n.file)
	}
	expand := func(template string) string {
		return regexp.MustCompile(`\\[0-9]|\$\{[a-z-]+\}`).ReplaceAllStringFunc(template, func(p string) string {
			if p[0] == '\\' {
				if i := 2 * int(p[1]-'0'); found[i] >= 0 {
					return matched[found[i]:found[i+1]]
				}
				return ""
			}
			switch p {
			case "${file}":
				return n.file
			case "${mac-plain}":
				ok = ok && n.mac != ""
				return n.mac
			}
			value, known := n.named[p[2:len(p)-1]]
			ok = ok && known
			return value
		})
	}
	switch {
	case r.Rewrite != "":
		n.file = expand(r.Rewrite)
	case r.Replace != nil && r.Replace.Times == "each":
		out, end := "", 0
		for _, found = range re.FindAllStringSubmatchIndex(matched, -1) {
			out += matched[end:found[0]] + expand(r.Replace.With)
			end = found[1]
		}
		n.file = out + matched[end:]
	case r.Replace != nil:
		for found != nil && ok && n.steps <= 4096 && len(n.file) <= 4096 {
			n.file = matched[:found[0]] + expand(r.Replace.With) + matched[found[1]:]
			if r.Replace.Times != "until-gone" {
				break
			}
			matched = n.file
			found = re.FindStringSubmatchIndex(matched)
			n.steps++
		}
	}
	if !ok {
		return nil, false
	}
	if r.BackslashToSlash {
		n.file = strings.ReplaceAll(n.file, `\`, "/")
	}
	if r.FoldCase == "lower" {
		n.file = lowered(n.file)
	}
	if r.Then != "" || r.Deny {
		return nil, true
	}
	for _, t := range r.TryFiles {
		ok = true
		if f := expand(t); ok {
			files = append(files, f)
		}
	}
	if len(r.TryFiles) == 0 {
		files = []string{n.file}
	}
	return files, len(files) > 0
}
