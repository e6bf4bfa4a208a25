package route

import (
	"encoding/binary"
	"net/netip"
	"sort"
)

// posting is some rules in ascending order, as the table has them.
type posting []byte

func (p posting) first() uint32 { return binary.LittleEndian.Uint32(p) }

// from returns what is left of p from a rule on.
func (p posting) from(rule uint32) posting {
	n := sort.Search(len(p)/4, func(i int) bool { return p[4*i:].first() >= rule })
	return p[4*n : len(p)&^3]
}

// candidates are the rules that a request may meet, in their order: all those
// that the index has for it, and those that are not in it.
type candidates struct {
	lists []posting
	room  [32]posting // for lists, as long as there are no more
}

// collect begins anew, for a name and a MAC, from a rule on.
func (c *candidates) collect(t *table, name, folded string, client netip.Addr, m mac, from uint32) {
	if c.lists == nil {
		c.lists = c.room[:0]
	}
	c.lists = c.lists[:0]
	add := func(p posting) {
		if p = p.from(from); len(p) > 0 {
			c.lists = append(c.lists, p)
		}
	}
	add(t.posting(t.general))
	names := func(kind byte, name string, set []byte, longest int) {
		add(t.find(newKey(kind).string(name)))
		k := newKey(kind + keyPrefix - keyFile)
		for i := range min(longest, len(name)) {
			if k = k.add(name[i]); has(set, i+1) {
				add(t.find(k))
			}
		}
	}
	names(keyFile, name, t.lengths.name[:], t.nameMax)
	names(keyFileFold, folded, t.lengths.folded[:], t.foldedMax)
	set := t.lengths.client6[:]
	if client.Is4() {
		set = t.lengths.client4[:]
	}
	for n := range client.BitLen() + 1 {
		if client.IsValid() && has(set, n) {
			p, _ := client.Prefix(n)
			add(t.find(clientKey(p)))
		}
	}
	macs := func(m mac) {
		for n := 1; n <= t.macMax; n++ {
			if has(t.lengths.mac[:], n) && m.n >= n {
				add(t.find(macKey(m, n)))
			}
		}
	}
	macs(m)
	if t.lengths.inName[0] != 0 {
		macsIn(name, macs)
	}
}

// next takes the first rule; ok is false when there is none left.
func (c *candidates) next() (rule uint32, ok bool) {
	for _, p := range c.lists {
		if first := p.first(); !ok || first < rule {
			rule, ok = first, true
		}
	}
	left := c.lists[:0]
	for _, p := range c.lists {
		for len(p) > 0 && p.first() <= rule { // also what is not in order
			p = p[4:]
		}
		if len(p) > 0 {
			left = append(left, p)
		}
	}
	c.lists = left
	return rule, ok
}
