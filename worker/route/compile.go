package route

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
)

// Compile makes the table that Open takes. It reports everything that is wrong
// with the rules at once; each fault is a *RuleError.
func Compile(rules []Rule) ([]byte, error) {
	c := compiler{regexps: map[string]*regex{}}
	for i := range rules {
		c.enter(i+1, &rules[i])
		c.collect()
	}
	for i := range rules {
		c.enter(i+1, &rules[i])
		c.encode()
	}
	if len(c.faults) > 0 {
		return nil, errors.Join(c.faults...)
	}
	t := c.table()
	if len(t) > maxTable {
		return nil, fmt.Errorf("route: the table of %d rules has %d bytes, want at most %d", len(rules), len(t), maxTable)
	}
	return t, nil
}

// compiler is what is known of the rules so far, and the rule it is at.
type compiler struct {
	faults   []error
	regexps  map[string]*regex // by text
	ordered  []*regex
	groups   []string // every name of a group in any regexp
	handlers []string
	rules    []compiled

	number int
	rule   *Rule
}

// compiled is a rule that is ready, and the keys that it may be found by: one
// list for each condition that has a key for each of its entries.
type compiled struct {
	record   []byte
	findable [][]place
	groupMAC bool // its MAC may be that of its regexp's group
}

// regex is a regexp that some rules have.
type regex struct {
	index    uint32
	text     string
	literals literals
	groups   int
	names    []string
}

func (c *compiler) enter(number int, rule *Rule) { c.number, c.rule = number, rule }

func (c *compiler) fault(field, format string, args ...any) {
	c.faults = append(c.faults, &RuleError{c.number, c.rule.Name, field, fmt.Errorf(format, args...)})
}

// collect learns the regexps, so that a template may name the groups of any.
func (c *compiler) collect() {
	for i, text := range c.rule.Match.Regexp {
		c.regexp(fmt.Sprintf("match.regexp.%d", i), text)
	}
	for i, text := range c.rule.Not.Regexp {
		c.regexp(fmt.Sprintf("not.regexp.%d", i), text)
	}
}

func (c *compiler) regexp(field, text string) {
	text = flagged(text, c.rule.IgnoreCase)
	if c.regexps[text] != nil {
		return
	}
	re, err := regexp.Compile(text)
	if err != nil {
		c.fault(field, "%w; want a regexp as Go has them (RE2)", err)
		return
	}
	x := &regex{index: uint32(len(c.ordered)), text: text, groups: re.NumSubexp()}
	if x.literals, err = literalsOf(text); err != nil {
		c.fault(field, "%w", err)
		return
	}
	for _, name := range re.SubexpNames() {
		if name == "" {
			continue
		}
		if slices.Contains(builtin[:], name) && name != "mac" {
			c.fault(field, "a group is named %q, as a variable is that every template has: want another name", name)
		}
		x.names = append(x.names, name)
		if !slices.Contains(c.groups, name) {
			c.groups = append(c.groups, name)
		}
	}
	c.regexps[text] = x
	c.ordered = append(c.ordered, x)
}

func flagged(text string, ignoreCase bool) string {
	if ignoreCase {
		return "(?i)" + text
	}
	return text
}

// encode checks the rule and makes its record.
func (c *compiler) encode() {
	a := c.action()
	var done compiled
	var w writer
	w.text(c.rule.Name)
	flags := len(w.b)
	w.u8(a.flags | flagFold*flag(c.rule.IgnoreCase))
	count := len(w.b)
	w.u8(0)
	for _, side := range []struct {
		match *Match
		field string
		not   uint8
	}{{&c.rule.Match, "match", 0}, {&c.rule.Not, "not", conditionNot}} {
		for _, one := range c.conditions(side.match, side.field) {
			if len(one.body) == 0 {
				continue
			}
			w.b[count]++
			w.u8(one.kind | side.not)
			w.text(string(one.body))
			if side.not == 0 && one.places != nil {
				done.findable = append(done.findable, one.places)
			}
		}
	}
	for _, x := range c.captures() {
		if len(x.names) > 0 {
			w.b[flags] |= flagGroups
		}
		if slices.Contains(x.names, "mac") {
			done.groupMAC = true
		}
	}
	a.append(&w)
	done.record = w.b
	c.rules = append(c.rules, done)
}

// captures are the regexps whose groups the rule has.
func (c *compiler) captures() (all []*regex) {
	for _, text := range c.rule.Match.Regexp {
		if x := c.regexps[flagged(text, c.rule.IgnoreCase)]; x != nil {
			all = append(all, x)
		}
	}
	return all
}

// numbered is how many groups each of the rule's regexps has at least; -1: it has
// no regexp.
func (c *compiler) numbered() int {
	least := math.MaxInt
	for _, x := range c.captures() {
		least = min(least, x.groups)
	}
	if least == math.MaxInt {
		return -1
	}
	return least
}

// handler returns the number of a handler's name.
func (c *compiler) handler(name string) uint16 {
	name = cmp.Or(name, Default)
	i := slices.Index(c.handlers, name)
	if i < 0 {
		i = len(c.handlers)
		c.handlers = append(c.handlers, name)
	}
	if i > math.MaxUint16 {
		c.fault("handler", "is the %dth, want at most %d different ones", i+1, math.MaxUint16+1)
	}
	return uint16(i)
}
