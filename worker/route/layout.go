package route

import (
	"math/bits"
	"slices"
)

// The table: a header, and what it points to by offsets from the table's start.
// Numbers are little-endian.
//
//	header    magic, length of the table, then for each of these its count and offset:
//	rules     an offset to each rule's record
//	regexps   an offset to each: text, flags, prefix, needle
//	handlers  an offset to each name
//	buckets   a hash table: key, offset of a posting
//	general   the posting of the rules without a place in it (an offset alone)
//	...and which lengths of prefixes there are in it, as sets of bits
//
// A posting is a count and so many rules, in ascending order.
const (
	magic      = "brood\x00r1"
	headerLen  = len(magic) + 4 + 4*8 + 4 + lengthsLen
	bucketLen  = 12
	maxTable   = 1 << 30
	lengthsLen = 2*nameLengths + 5 + 17 + 1 + 1
	// 8 lengths a byte
	nameLengths = (maxPrefix + 1) / 8
)

// lengths are the lengths that prefixes have in the index: of names, of names in
// lower case, of clients, of MACs.
type lengths struct {
	name, folded [nameLengths]byte
	client4      [5]byte
	client6      [17]byte
	mac          [1]byte
	inName       [1]byte // not 0: MACs in the name are to be looked up
}

func (l *lengths) add(p place) {
	set := func(b []byte) { b[p.length/8] |= 1 << (p.length % 8) }
	switch p.kind {
	case keyPrefix:
		set(l.name[:])
	case keyPrefixFold:
		set(l.folded[:])
	case keyClient4:
		set(l.client4[:])
	case keyClient6:
		set(l.client6[:])
	case keyMAC:
		set(l.mac[:])
	}
}

// table lays it all out.
func (c *compiler) table() []byte {
	crowd := map[key]int{}
	for _, r := range c.rules {
		for _, places := range r.findable {
			for _, p := range places {
				crowd[p.key]++
			}
		}
	}
	var l lengths
	var general []uint32
	postings := map[key][]uint32{}
	var keys []key // in the order of their first rules: the same rules make the same table
	for i, r := range c.rules {
		places := choose(r.findable, crowd)
		if places == nil {
			general = append(general, uint32(i))
		}
		for _, p := range places {
			l.add(p)
			if p.kind == keyMAC && r.groupMAC {
				l.inName[0] = 1
			}
			list, known := postings[p.key]
			if !known {
				keys = append(keys, p.key)
			}
			if len(list) == 0 || list[len(list)-1] != uint32(i) {
				postings[p.key] = append(list, uint32(i))
			}
		}
	}

	w := writer{make([]byte, headerLen)}
	var head writer
	section := func(n int, each func(int)) {
		offsets := make([]uint32, n)
		for i := range offsets {
			offsets[i] = uint32(len(w.b))
			each(i)
		}
		head.u32(uint32(n))
		head.u32(uint32(len(w.b)))
		for _, o := range offsets {
			w.u32(o)
		}
	}
	section(len(c.rules), func(i int) { w.text(string(c.rules[i].record)) })
	section(len(c.ordered), func(i int) {
		x := c.ordered[i]
		w.text(x.text)
		w.u8(flag(x.literals.prefix.fold) | flag(x.literals.needle.fold)<<1)
		w.text(x.literals.prefix.text)
		w.text(x.literals.needle.text)
	})
	section(len(c.handlers), func(i int) { w.text(c.handlers[i]) })

	slots := spread(keys)
	for i, k := range slots {
		if k.at != 0 {
			slots[i].at = uint32(len(w.b))
			w.posting(postings[k.key])
		}
	}
	head.u32(uint32(len(slots)))
	head.u32(uint32(len(w.b)))
	for _, s := range slots {
		w.u32(uint32(s.key))
		w.u32(uint32(s.key >> 32))
		w.u32(s.at)
	}
	head.u32(uint32(len(w.b)))
	w.posting(general)

	for _, set := range [][]byte{l.name[:], l.folded[:], l.client4[:], l.client6[:], l.mac[:], l.inName[:]} {
		head.b = append(head.b, set...)
	}
	first := writer{append(w.b[:0:0], magic...)}
	first.u32(uint32(len(w.b)))
	copy(w.b, append(first.b, head.b...))
	return w.b
}

// maxProbes is how far from its place a key is looked for.
const maxProbes = 32

// slot is a place of the hash table; at 0: it is empty.
type slot struct {
	key key
	at  uint32
}

// spread puts the keys into a hash table that is at most half full.
func spread(keys []key) []slot {
	for size := 1 << bits.Len(uint(2*len(keys))); ; size *= 2 {
		slots := make([]slot, size)
		if !slices.ContainsFunc(keys, func(k key) bool { return !put(slots, k) }) {
			return slots
		}
	}
}

func put(slots []slot, k key) bool {
	mask := uint32(len(slots) - 1)
	for i := range uint32(maxProbes) {
		if s := &slots[(k.slot(mask)+i)&mask]; s.at == 0 {
			*s = slot{k, 1} // its posting is not written yet
			return true
		}
	}
	return false
}

func (w *writer) posting(rules []uint32) {
	w.u32(uint32(len(rules)))
	for _, r := range rules {
		w.u32(r)
	}
}
