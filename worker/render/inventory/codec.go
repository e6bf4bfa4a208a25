package inventory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// A value is a byte that says what it is, and then:
//
//	false, true  nothing
//	integer      a signed varint
//	unsigned     a varint, above an int's range
//	float        8 bytes, IEEE 754
//	text         its length, a varint, and its bytes
//	list         the number of items, a varint, and those
//	map          the number of entries, a varint, and for each a key (as text,
//	             without the first byte) and a value; ascending by key
const (
	kindFalse byte = iota
	kindTrue
	kindInt
	kindUint
	kindFloat
	kindText
	kindList
	kindMap
)

// appendValue appends a value of the types that normalize returns, without nil.
func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case bool:
		if v {
			return append(b, kindTrue)
		}
		return append(b, kindFalse)
	case int:
		return binary.AppendVarint(append(b, kindInt), int64(v))
	case uint64:
		return binary.AppendUvarint(append(b, kindUint), v)
	case float64:
		return binary.LittleEndian.AppendUint64(append(b, kindFloat), math.Float64bits(v))
	case string:
		return appendText(append(b, kindText), v)
	case []any:
		b = binary.AppendUvarint(append(b, kindList), uint64(len(v)))
		for _, item := range v {
			b = appendValue(b, item)
		}
		return b
	case map[string]any:
		b = binary.AppendUvarint(append(b, kindMap), uint64(len(v)))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			b = appendValue(appendText(b, key), v[key])
		}
		return b
	}
	panic(fmt.Sprintf("inventory: %T has not been normalized", v))
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var errCorrupt = errors.New("the table is corrupt: compile it again")

// A decoder reads values from the start of b. What it returns holds nothing of b.
type decoder struct{ b []byte }

func (d *decoder) value(depth int) (any, error) {
	if len(d.b) == 0 || depth > maxNesting+1 { // a machine's variables lie in a list
		return nil, errCorrupt
	}
	kind := d.b[0]
	d.b = d.b[1:]
	switch kind {
	case kindFalse, kindTrue:
		return kind == kindTrue, nil
	case kindInt:
		n, size := binary.Varint(d.b)
		return int(n), d.skip(size)
	case kindUint:
		n, size := binary.Uvarint(d.b)
		return n, d.skip(size)
	case kindFloat:
		if len(d.b) < 8 {
			return nil, errCorrupt
		}
		bits := binary.LittleEndian.Uint64(d.b)
		return math.Float64frombits(bits), d.skip(8)
	case kindText:
		return d.text()
	case kindList:
		return d.list(depth)
	case kindMap:
		return d.mapping(depth)
	}
	return nil, errCorrupt
}

// skip goes on behind size bytes, which binary has not found if there are none.
func (d *decoder) skip(size int) error {
	if size <= 0 {
		return errCorrupt
	}
	d.b = d.b[size:]
	return nil
}

// length reads how many bytes or items follow. Each takes a byte at least.
func (d *decoder) length() (int, error) {
	n, size := binary.Uvarint(d.b)
	if err := d.skip(size); err != nil {
		return 0, err
	}
	if n > uint64(len(d.b)) {
		return 0, errCorrupt
	}
	return int(n), nil
}

func (d *decoder) text() (string, error) {
	n, err := d.length()
	if err != nil {
		return "", err
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s, nil
}

// prealloc is how many items are made room for before they have been seen.
const prealloc = 64

func (d *decoder) list(depth int) (any, error) {
	n, err := d.length()
	if err != nil {
		return nil, err
	}
	list := make([]any, 0, min(n, prealloc))
	for range n {
		item, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, nil
}

func (d *decoder) mapping(depth int) (any, error) {
	n, err := d.length()
	if err != nil {
		return nil, err
	}
	m := make(map[string]any, min(n, prealloc))
	for range n {
		key, err := d.text()
		if err != nil {
			return nil, err
		}
		if m[key], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	return m, nil
}
