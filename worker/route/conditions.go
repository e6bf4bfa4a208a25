package route

import (
	"fmt"
	"net/netip"
	"strings"

	"brood/protocol"
)

// condition is one that is ready to go into a record. places are what a rule
// with it may be found by, if every entry has one.
type condition struct {
	kind   uint8
	body   []byte
	places []place
}

// conditions checks those of one side of the rule.
func (c *compiler) conditions(m *Match, field string) []condition {
	return []condition{
		c.address(conditionClient, m.Client, field+".client"),
		c.address(conditionLocal, m.Local, field+".local"),
		c.option(m, field),
		c.file(m, field),
		c.match(m, field),
		c.mac(m, field), // it may be a group's
	}
}

func (c *compiler) address(kind uint8, entries []string, field string) condition {
	var w writer
	var places []place
	for i, text := range entries {
		p, err := parsePrefix(text)
		if err != nil {
			c.fault(fmt.Sprintf("%s.%d", field, i), "%w", err)
			continue
		}
		w.u8(uint8(p.Bits()))
		b := p.Addr().AsSlice()
		w.u8(uint8(len(b)))
		w.b = append(w.b, b...)
		if kind == conditionClient {
			places = append(places, clientPlace(p))
		}
	}
	return condition{kind, w.b, places}
}

// parsePrefix reads an address, which is a prefix of one, or a prefix.
func parsePrefix(text string) (netip.Prefix, error) {
	var p netip.Prefix
	a, err := netip.ParseAddr(text)
	if err == nil {
		p = netip.PrefixFrom(a, a.BitLen())
	} else {
		p, err = netip.ParsePrefix(text)
	}
	switch {
	case err != nil || a.Zone() != "":
		return p, fmt.Errorf("%q, want an address or a prefix such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32", text)
	case p.Addr().Is4In6():
		return p, fmt.Errorf("%q is IPv4 in IPv6, want it as IPv4", text)
	case p != p.Masked():
		return p, fmt.Errorf("%q has bits beyond its length, want %v or %v", text, p.Masked(), p.Addr())
	}
	return p, nil
}

func (c *compiler) option(m *Match, field string) condition {
	var w writer
	for i, text := range m.Option {
		name, value, valued := strings.Cut(text, "=")
		if name == "" || strings.IndexByte(text, 0) >= 0 {
			c.fault(fmt.Sprintf("%s.option.%d", field, i), "%q, want an option's name, or name=value, such as tsize or blksize=1428", text)
		}
		w.text(protocol.Lower(name))
		w.u8(flag(valued))
		w.text(value)
	}
	return condition{conditionOption, w.b, nil}
}

func flag(set bool) uint8 {
	if set {
		return 1
	}
	return 0
}

func (c *compiler) mac(m *Match, field string) condition {
	var w writer
	var places []place
	for i, text := range m.MAC {
		a, ok := checkMAC(text)
		if !ok {
			c.fault(fmt.Sprintf("%s.mac.%d", field, i), "%q, want a MAC or its first octets, such as 52:54:00:12:34:56 or 5254.00", text)
			continue
		}
		w.u8(uint8(a.n))
		w.b = append(w.b, a.octets[:a.n]...)
		places = append(places, macPlace(a))
	}
	return condition{conditionMAC, w.b, places}
}

func (c *compiler) file(m *Match, field string) condition {
	var w writer
	places := make([]place, 0, len(m.File))
	for i, text := range m.File {
		prefix, whole, err := checkGlob(text)
		if err != nil {
			c.fault(fmt.Sprintf("%s.file.%d", field, i), "%w", err)
			continue
		}
		w.text(text)
		places = addName(places, prefix, whole, c.rule.IgnoreCase)
	}
	return condition{conditionFile, w.b, places}
}

func (c *compiler) match(m *Match, field string) condition {
	var w writer
	places := make([]place, 0, len(m.Regexp))
	for _, text := range m.Regexp {
		x := c.regexps[flagged(text, c.rule.IgnoreCase)]
		if x == nil {
			continue // a fault already
		}
		w.u32(x.index)
		places = addName(places, x.literals.prefix.text, false, x.literals.prefix.fold)
	}
	return condition{conditionRegexp, w.b, places}
}

// addName adds the place of a name, or of what names begin with. Of a list in
// which one entry may begin with anything, none is a place: nil, for good.
func addName(places []place, text string, whole, fold bool) []place {
	if places == nil || text == "" {
		return nil
	}
	return append(places, namePlace(text, whole, fold))
}
