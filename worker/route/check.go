package route

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"brood/protocol"
	"brood/worker"
)

// action checks what the rule does.
func (c *compiler) action() action {
	r := c.rule
	var a action
	switch r.Then {
	case "", "end":
	case "continue":
		a.flags |= flagContinue
	case "restart":
		a.flags |= flagRestart
		if r.Rewrite == "" && r.Replace == nil && !r.BackslashToSlash && r.FoldCase == "" {
			c.fault("then", "restart without a change of the name would go round for ever: want a rewrite, replace, backslash-to-slash or fold-case")
		}
	default:
		c.fault("then", "%q, want end, continue or restart", r.Then)
	}
	c.naming(&a)
	a.quirks = r.Quirks
	c.quirks(&r.Quirks)
	c.ending(&a)
	return a
}

// naming checks what happens to the name.
func (c *compiler) naming(a *action) {
	r := c.rule
	if r.BackslashToSlash {
		a.flags |= flagSlash
	}
	switch r.FoldCase {
	case "":
	case "lower":
		a.flags |= flagLower
	case "upper":
		a.flags |= flagUpper
	default:
		c.fault("fold-case", "%q, want lower or upper", r.FoldCase)
	}
	if r.Rewrite != "" {
		a.rewrite, a.template = rewriteWhole, r.Rewrite
		c.template(a, "rewrite", r.Rewrite)
	}
	if r.Replace == nil {
		return
	}
	if r.Rewrite != "" {
		c.fault("replace", "stands beside rewrite, which leaves nothing to replace: want one of them")
	}
	if len(r.Match.Regexp) == 0 {
		c.fault("replace", "match.regexp is empty: want the regexp that is to be replaced there")
	}
	a.template = r.Replace.With
	c.template(a, "replace.with", r.Replace.With)
	a.flags |= flagGroups
	switch r.Replace.Times {
	case "", "once":
		a.rewrite = replaceOnce
	case "each":
		a.rewrite = replaceEach
	case "until-gone":
		a.rewrite = replaceUntilGone
		for i, text := range r.Match.Regexp {
			if re, err := regexp.Compile(text); err == nil && re.MatchString("") {
				c.fault(fmt.Sprintf("match.regexp.%d", i), "%q matches the empty text, so it is never gone: want one that doesn't, or replace.times each", text)
			}
		}
	default:
		c.fault("replace.times", "%q, want once, each or until-gone", r.Replace.Times)
	}
}

func (c *compiler) template(a *action, field, text string) {
	if err := checkTemplate(text, c.numbered(), c.groups); err != nil {
		c.fault(field, "%w", err)
	}
	if usesGroups(text) {
		a.flags |= flagGroups
	}
}

// ending checks how the rule ends the request, if it does.
func (c *compiler) ending(a *action) {
	r := c.rule
	var ends []string
	for _, f := range []struct {
		name string
		set  bool
	}{{"error", r.Error != nil}, {"deny", r.Deny}, {"try-files", len(r.TryFiles) > 0}, {"handler", r.Handler != ""}} {
		if f.set {
			ends = append(ends, f.name)
		}
	}
	if a.goesOn() {
		for _, name := range ends {
			c.fault(name, "would end what then: %s goes on with: want one of the two", r.Then)
		}
		return
	}
	if (r.Error != nil || r.Deny) && len(ends) > 1 {
		c.fault(ends[0], "stands beside %s: want one of them", strings.Join(ends[1:], " and "))
	}
	switch {
	case r.Deny:
		a.flags |= flagRefuse
		e := worker.ErrorFor(fs.ErrPermission)
		a.code, a.message = uint16(e.Code), e.Message
	case r.Error != nil:
		a.flags |= flagRefuse
		if r.Error.Code < 0 || r.Error.Code > int(protocol.CodeOptionRefused) {
			c.fault("error.code", "%d, want 0 to %d", r.Error.Code, protocol.CodeOptionRefused)
		}
		a.code, a.message = uint16(r.Error.Code), r.Error.Message
		c.template(a, "error.message", r.Error.Message)
	default:
		a.handler, a.try = c.handler(r.Handler), r.TryFiles
		for i, text := range r.TryFiles {
			field := fmt.Sprintf("try-files.%d", i)
			if text == "" {
				c.fault(field, "is empty, want a name such as ${mac}/${file}")
			}
			c.template(a, field, text)
		}
	}
}

// quirks checks that they are what they say: a session would take the nearest
// that is.
func (c *compiler) quirks(q *worker.Quirks) {
	for _, f := range []struct {
		name            string
		value, low, top int
	}{
		{"max-blksize", q.MaxBlksize, protocol.MinBlksize, protocol.MaxBlksize},
		{"max-windowsize", q.MaxWindowsize, 1, protocol.MaxWindowsize},
		{"mtu", q.MTU, 68, 65535},
		{"rollover", int(q.Rollover), 0, 1},
	} {
		if f.value != 0 && (f.value < f.low || f.value > f.top) {
			c.fault("quirks."+f.name, "%d, want %d to %d", f.value, f.low, f.top)
		}
	}
	switch q.MTUClamp {
	case "", worker.ClampOn, worker.ClampOff:
	default:
		c.fault("quirks.mtu-clamp", "%q, want on or off", q.MTUClamp)
	}
	for i, name := range q.IgnoreOptions {
		if name == "" {
			c.fault(fmt.Sprintf("quirks.ignore-options.%d", i), "is empty, want an option's name such as tsize")
		}
	}
}
