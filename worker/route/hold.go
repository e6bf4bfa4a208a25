package route

import (
	"net/netip"

	"brood/protocol"
)

// conditions says whether those of a record hold. A regexp's groups are variables
// from then on; who sees that the rule does not apply takes them back.
func (m *matching) conditions(r *reader, flags uint8) bool {
	m.vars.regexp, m.vars.groups = nil, nil
	for n := r.u8(); n > 0; n-- {
		kind := r.u8()
		body := reader{b: r.text()}
		if r.bad {
			return false
		}
		not := kind&conditionNot != 0
		holds := m.any(kind&^conditionNot, &body, flags, not)
		if body.bad || holds == not {
			return false
		}
	}
	return !r.bad
}

// any says whether one of a list's entries matches.
func (m *matching) any(kind uint8, body *reader, flags uint8, not bool) bool {
	for len(body.b) > 0 {
		var holds bool
		switch kind {
		case conditionClient:
			holds = within(body, m.vars.client)
		case conditionLocal:
			holds = within(body, m.vars.local)
		case conditionOption:
			holds = asked(body, m.req.Options)
		case conditionFile:
			holds = matchGlob(body.text(), m.vars.file, flags&flagFold != 0)
		case conditionRegexp:
			holds = m.matches(body.u32(), flags&flagGroups != 0 && !not)
		case conditionMAC:
			var p mac
			p.n = copy(p.octets[:], body.take(uint32(body.u8())))
			holds = m.vars.mac.covers(p)
		default:
			body.bad = true
		}
		if body.bad {
			return false
		}
		if holds {
			return true
		}
	}
	return false
}

// within reads a prefix.
func within(body *reader, a netip.Addr) bool {
	bits := int(body.u8())
	p, ok := netip.AddrFromSlice(body.take(uint32(body.u8())))
	return ok && netip.PrefixFrom(p, bits).Contains(a)
}

// asked reads an option, whose name is in lower case.
func asked(body *reader, options []protocol.Option) bool {
	name, valued, value := body.text(), body.u8() != 0, body.text()
	for _, o := range options {
		if protocol.EqualFold(o.Name, string(name)) {
			return !valued || o.Value == string(value)
		}
	}
	return false
}

// matches looks for a regexp in the name, and takes its groups if they are wanted.
func (m *matching) matches(index uint32, groups bool) bool {
	if !m.h.table.possible(index, m.vars.file, m.folded) {
		return false
	}
	re := m.h.regexp(index)
	switch {
	case re == nil:
		return false
	case !groups:
		return re.MatchString(m.vars.file)
	}
	found := re.FindStringSubmatchIndex(m.vars.file)
	if found == nil {
		return false
	}
	v := &m.vars
	v.regexp, v.matched, v.groups = re, v.file, found
	for i, name := range re.SubexpNames() {
		if name == "" || found[2*i] < 0 {
			continue
		}
		value := v.file[found[2*i]:found[2*i+1]]
		if name == "mac" {
			v.mac, _ = parseMAC(value)
			continue
		}
		v.named = append(v.named, name, value)
	}
	return true
}
