package route

import (
	"errors"
	"fmt"
	"math/bits"
	"regexp"
	"strings"
)

// table is what Compile has made, read where it lies. It may hold anything: what
// can't be is as if it were not there.
type table struct {
	b                          []byte
	rules, regexps, handlers   section
	buckets                    section
	general                    uint32
	lengths                    lengths
	nameMax, foldedMax, macMax int
}

// section is a count and an offset.
type section struct{ n, at uint32 }

func readTable(b []byte) (*table, error) {
	if len(b) < headerLen || string(b[:len(magic)]) != magic {
		return nil, errors.New("route: this is no table of Compile's, or one of another version of brood: compile the rules again")
	}
	r := reader{b: b[len(magic):headerLen]}
	if n := r.u32(); uint64(n) != uint64(len(b)) {
		return nil, fmt.Errorf("route: the table has %d bytes, want %d: compile the rules again", len(b), n)
	}
	t := &table{b: b}
	for _, s := range []struct {
		section *section
		each    uint64
	}{{&t.rules, 4}, {&t.regexps, 4}, {&t.handlers, 4}, {&t.buckets, bucketLen}} {
		*s.section = section{r.u32(), r.u32()}
		if uint64(s.section.at)+s.each*uint64(s.section.n) > uint64(len(b)) {
			return nil, errors.New("route: the table points beyond its end: compile the rules again")
		}
	}
	if n := t.buckets.n; n == 0 || n&(n-1) != 0 {
		return nil, fmt.Errorf("route: the table has an index of %d places, want a power of two: compile the rules again", n)
	}
	t.general = r.u32()
	l := &t.lengths
	for _, set := range [][]byte{l.name[:], l.folded[:], l.client4[:], l.client6[:], l.mac[:], l.inName[:]} {
		copy(set, r.take(uint32(len(set))))
	}
	t.nameMax, t.foldedMax, t.macMax = highest(l.name[:]), highest(l.folded[:]), min(highest(l.mac[:]), maxOctets)
	return t, nil
}

// highest is the highest number in a set, 0 for none.
func highest(set []byte) int {
	for i := len(set) - 1; i >= 0; i-- {
		if set[i] != 0 {
			return 8*i + bits.Len8(set[i]) - 1
		}
	}
	return 0
}

func has(set []byte, n int) bool { return set[n/8]&(1<<(n%8)) != 0 }

// at returns a reader from an offset to the table's end.
func (t *table) at(offset uint32) reader {
	if offset < uint32(headerLen) || uint64(offset) > uint64(len(t.b)) {
		return reader{bad: true}
	}
	return reader{b: t.b[offset:]}
}

// element returns a reader at the i-th of a section of offsets.
func (t *table) element(s section, i uint32) reader {
	if i >= s.n {
		return reader{bad: true}
	}
	r := t.at(s.at + 4*i)
	return t.at(r.u32())
}

// rule returns the record of a rule, the first one is 0.
func (t *table) rule(i uint32) reader {
	r := t.element(t.rules, i)
	record := r.text()
	return reader{b: record, bad: r.bad}
}

func (t *table) handler(i uint32) string {
	r := t.element(t.handlers, i)
	return string(r.text())
}

// posting returns the rules at an offset, as bytes.
func (t *table) posting(offset uint32) posting {
	r := t.at(offset)
	n := r.u32()
	return posting(r.take(uint32(min(4*uint64(n), uint64(len(r.b))))))
}

// find returns the rules that a key leads to.
func (t *table) find(k key) posting {
	mask := t.buckets.n - 1
	for i := range uint32(maxProbes) {
		r := t.at(t.buckets.at + (k.slot(mask)+i)&mask*bucketLen)
		found, at := key(r.u64()), r.u32()
		if at == 0 {
			return nil
		}
		if found == k {
			return t.posting(at)
		}
	}
	return nil
}

// possible says whether a regexp may match a name, by the texts that it needs.
func (t *table) possible(index uint32, name, folded string) bool {
	r := t.element(t.regexps, index)
	r.text()
	flags := r.u8()
	prefix, needle := r.text(), r.text()
	in := func(fold bool) string {
		if fold {
			return folded
		}
		return name
	}
	head := in(flags&1 != 0)
	return !r.bad && len(head) >= len(prefix) && head[:len(prefix)] == string(prefix) &&
		strings.Contains(in(flags&2 != 0), string(needle))
}

// regexp compiles a regexp; nil if the table has none there.
func (t *table) regexp(index uint32) *regexp.Regexp {
	r := t.element(t.regexps, index)
	text := r.text()
	if r.bad {
		return nil
	}
	re, err := regexp.Compile(string(text))
	if err != nil {
		return nil
	}
	return re
}
