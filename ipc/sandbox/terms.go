package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Terms are what a worker is told to do to itself.
type Terms struct {
	Level Level
	// AddressSpace bounds the worker's address space, in bytes; 0: no bound.
	AddressSpace uint64
	// Filter is Assemble's of the level; empty where the kernel has none. The
	// supervisor makes it once: built anew by each worker it was a tenth of a start.
	Filter Program
}

const termsHeader = 1 + 8 + 4 // level, address space, length of the filter

// Append appends t to b, for a worker of this very image to read.
func (t Terms) Append(b []byte) []byte {
	b = append(b, byte(t.Level))
	b = binary.NativeEndian.AppendUint64(b, t.AddressSpace)
	b = binary.NativeEndian.AppendUint32(b, uint32(len(t.Filter)))
	return append(b, t.Filter...)
}

var errTerms = errors.New("sandbox: the terms are cut short")

// CutTerms returns the terms that b begins with, and what follows them.
func CutTerms(b []byte) (t Terms, rest []byte, err error) {
	if len(b) < termsHeader {
		return t, nil, errTerms
	}
	t.Level, t.AddressSpace = Level(b[0]), binary.NativeEndian.Uint64(b[1:])
	n := binary.NativeEndian.Uint32(b[9:])
	b = b[termsHeader:]
	if t.Level > Off || uint64(n) > uint64(len(b)) || n%instruction != 0 {
		return Terms{}, nil, fmt.Errorf("%w, or not of this version", errTerms)
	}
	t.Filter = Program(b[:n:n])
	return t, b[n:], nil
}
