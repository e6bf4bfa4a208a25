package inventory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"sort"
)

// A table is a header, the index and the machines:
//
//	magic     8 bytes
//	keys      uint32
//	index     keys × (hash uint64, offset uint32), ascending
//	machines  one value each (see codec.go), at the offsets
//
// All numbers are little-endian.
const (
	magic      = "broodin\x01" // the last byte is the format's version
	headerSize = len(magic) + 4
	entrySize  = 8 + 4
)

// A Table finds machines in what Compile has made. It reads that in place, and
// of it no more than a lookup needs. Many goroutines may use it.
type Table struct {
	b    []byte
	keys int
}

// Open returns the Table in b, which it keeps and which nobody may change. It
// looks at the header alone: that takes no longer for more machines.
func Open(b []byte) (*Table, error) {
	if len(b) < headerSize || string(b[:len(magic)]) != magic {
		return nil, errors.New("inventory: not a table of this version: compile it again")
	}
	keys := int64(binary.LittleEndian.Uint32(b[len(magic):]))
	if keys > int64(len(b)-headerSize)/entrySize {
		return nil, fmt.Errorf("inventory: table of %d bytes is cut short: compile it again", len(b))
	}
	return &Table{b: b, keys: int(keys)}, nil
}

// Lookup returns the machine with that key, in any of its spellings. The error
// is fs.ErrNotExist if there is none, or if the value can't be such a key.
func (t *Table) Lookup(by By, value string) (*Machine, error) {
	value, err := by.Canonical(value)
	if err != nil {
		return nil, &unknownError{err.Error()}
	}
	hash := hashOf(indexKey(by, value))
	first := sort.Search(t.keys, func(i int) bool { return t.hash(i) >= hash })
	// Hashes may collide: who has the key is what the machine itself says.
	for i := first; i < t.keys && t.hash(i) == hash; i++ {
		m, err := t.machine(i)
		if err != nil {
			return nil, fmt.Errorf("inventory: %s %s: %w", by, value, err)
		}
		if m.has(by, value) {
			return m, nil
		}
	}
	return nil, &unknownError{fmt.Sprintf("no machine has the %s %s", by, value)}
}

func (t *Table) entry(i int) []byte { return t.b[headerSize+i*entrySize:] }

func (t *Table) hash(i int) uint64 { return binary.LittleEndian.Uint64(t.entry(i)) }

func (t *Table) machine(i int) (*Machine, error) {
	return decodeMachine(t.b, int64(binary.LittleEndian.Uint32(t.entry(i)[8:])))
}

func (m *Machine) has(by By, value string) (found bool) {
	m.keys(func(its By, v string) {
		if its == ByName || its == BySerial { // the others are in the table as canonical
			v, _ = its.Canonical(v)
		}
		found = found || its == by && v == value
	})
	return found
}

// unknownError says what there is no machine for.
type unknownError struct{ text string }

func (e *unknownError) Error() string        { return e.text }
func (e *unknownError) Is(target error) bool { return target == fs.ErrNotExist }

func indexKey(by By, canonical string) string { return string(by) + " " + canonical }

// hashOf is FNV-1a, 64 bits, which tables of this version are sorted by.
func hashOf(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// A builder collects what goes into a table.
type builder struct {
	index    []indexEntry
	machines []byte
}

type indexEntry struct {
	hash   uint64
	offset int // in machines
}

func (b *builder) add(m *Machine, keys []string) {
	for _, key := range keys {
		b.index = append(b.index, indexEntry{hashOf(key), len(b.machines)})
	}
	b.machines = appendMachine(b.machines, m)
}

func (b *builder) table() ([]byte, error) {
	start := headerSize + len(b.index)*entrySize
	if size := start + len(b.machines); size > math.MaxUint32 {
		return nil, fmt.Errorf("inventory: the table would have %d bytes, and 4 GiB is the most", size)
	}
	slices.SortStableFunc(b.index, func(x, y indexEntry) int {
		switch {
		case x.hash < y.hash:
			return -1
		case x.hash > y.hash:
			return 1
		}
		return 0
	})
	t := make([]byte, 0, start+len(b.machines))
	t = append(t, magic...)
	t = binary.LittleEndian.AppendUint32(t, uint32(len(b.index)))
	for _, e := range b.index {
		t = binary.LittleEndian.AppendUint64(t, e.hash)
		t = binary.LittleEndian.AppendUint32(t, uint32(start+e.offset))
	}
	return append(t, b.machines...), nil
}
