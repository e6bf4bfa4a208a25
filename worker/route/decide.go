package route

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"brood/protocol"
	"brood/worker"
)

const (
	// maxFile bounds what rules make of a name, in bytes. A name that a file
	// system takes has at most 4,095.
	maxFile = 4096
	// maxSteps bounds the rules that apply to one request and the replacements
	// that they make, together.
	maxSteps = 4096
)

var (
	errEndless = errors.New("still going on after 4096 steps: a restart or until-gone never ends")
	errLong    = errors.New("makes the name longer than 4096 bytes")
	errNUL     = errors.New("puts a NUL into the name")
	errEmpty   = errors.New("leaves nothing of the name")
)

// matching is one request on its way through the rules.
type matching struct {
	h      *Handler
	req    *worker.Request
	vars   variables
	folded string // the name in lower case
	steps  int
	out    Decision
}

// Decide returns what a request comes to. It opens nothing and changes nothing,
// so the same request comes to the same on any machine. An error says that the
// rules can't be followed: they go round without end, or make a name that none
// can be. The client then gets ERROR 0 with a fixed text.
func (h *Handler) Decide(req *worker.Request) (Decision, error) {
	m := matching{h: h, req: req}
	m.vars.file, m.folded = req.File, protocol.Lower(req.File)
	m.vars.client = req.Peer.Addr().Unmap().WithZone("")
	m.vars.local = req.Local.Addr().Unmap().WithZone("")
	m.vars.mac, _ = parseMAC(req.MAC)

	var c candidates
	m.collect(&c, 0)
	for {
		rule, ok := c.next()
		if !ok {
			m.unruled()
			return m.out, nil
		}
		applied, a, err := m.try(rule)
		switch {
		case err != nil:
			return Decision{}, err
		case !applied:
			continue
		case !a.goesOn():
			return m.out, nil
		}
		if m.steps++; m.steps > maxSteps {
			return Decision{}, m.broken(rule, errEndless)
		}
		from := rule + 1
		if a.flags&flagRestart != 0 {
			from = 0
		}
		m.collect(&c, from)
	}
}

func (m *matching) collect(c *candidates, from uint32) {
	c.collect(m.h.table, m.vars.file, m.folded, m.vars.client, m.vars.mac, from)
}

// broken says which rule can't be followed, and with what.
func (m *matching) broken(rule uint32, err error) error {
	r := m.h.table.rule(rule)
	return fmt.Errorf("route: %s: %w (asked was %s)", title(int(rule)+1, string(r.text())), err, protocol.Printable(m.req.File))
}

// try applies a rule if its conditions hold and the request has what it names.
func (m *matching) try(rule uint32) (applied bool, a action, err error) {
	r := m.h.table.rule(rule)
	name := r.text()
	flags := r.u8()
	before := m.vars
	if !m.conditions(&r, flags) {
		m.vars = before
		return false, a, nil
	}
	a = readAction(&r, flags)
	if r.bad {
		m.vars = before
		return false, a, nil
	}
	file, all, err := m.rename(&a)
	if err != nil {
		return false, a, m.broken(rule, err)
	}
	if all {
		m.vars.file = file
		m.out.Files = m.files(&a)
		all = a.goesOn() || a.flags&flagRefuse != 0 || len(m.out.Files) > 0
	}
	if !all {
		m.vars = before
		return false, a, nil
	}
	if err := m.named(); err != nil {
		return false, a, m.broken(rule, err)
	}
	m.folded = protocol.Lower(file)
	m.out.Quirks = m.out.Quirks.And(a.quirks)
	if a.goesOn() {
		m.out.Passed = append(m.out.Passed, Step{int(rule) + 1, string(name), file})
		return true, a, nil
	}
	m.out.Rule, m.out.Name = int(rule)+1, string(name)
	if flags&flagRefuse != 0 {
		text, _ := m.vars.expand(nil, a.message, "?")
		m.out.Err = &protocol.Error{Code: protocol.ErrorCode(a.code), Message: string(text)}
		return true, a, nil
	}
	m.out.Handler = m.h.table.handler(uint32(a.handler))
	return true, a, nil
}

// rename returns what a rule makes of the name. all is false if the request lacks
// something that the rule names.
func (m *matching) rename(a *action) (file string, all bool, err error) {
	file, all = m.vars.file, true
	switch a.rewrite {
	case rewriteNot:
	case rewriteWhole:
		var b []byte
		b, all = m.vars.expand(nil, a.template, "")
		file = string(b)
	default:
		file, all, err = m.replace(a)
	}
	if a.flags&flagSlash != 0 {
		file = mapped(file, slashed)
	}
	switch {
	case a.flags&flagLower != 0:
		file = protocol.Lower(file)
	case a.flags&flagUpper != 0:
		file = mapped(file, upperByte)
	}
	return file, all, err
}

// files are the names that the handler is to try.
func (m *matching) files(a *action) []string {
	switch {
	case a.goesOn() || a.flags&flagRefuse != 0:
		return nil
	case len(a.try) == 0:
		return []string{m.vars.file}
	}
	var files []string
	for _, template := range a.try {
		if b, all := m.vars.expand(nil, template, ""); all {
			files = append(files, string(b))
		}
	}
	return files
}

// named checks the names that the rule has made, and no others.
func (m *matching) named() error {
	for _, file := range append([]string{m.vars.file}, m.out.Files...) {
		switch {
		case file == m.req.File:
		case file == "":
			return errEmpty
		case len(file) > maxFile:
			return errLong
		case strings.IndexByte(file, 0) >= 0:
			return errNUL
		}
	}
	return nil
}

// unruled is for a request that no rule ends.
func (m *matching) unruled() {
	if m.h.handlers[Default] == nil {
		m.out.Err = worker.ErrorFor(fs.ErrNotExist)
		return
	}
	m.out.Handler, m.out.Files = Default, []string{m.vars.file}
}
