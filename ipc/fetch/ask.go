package fetch

import (
	"encoding/binary"
	"fmt"
)

// MaxMessage bounds every message of either side, in bytes.
const MaxMessage = 4096

// Bounds of an Ask's texts, in bytes. A request is at most 2,048 bytes long.
const (
	MaxBase = 1024
	MaxName = 2048
)

// AskKind is what a worker wants.
type AskKind uint8

const (
	AskOpen  AskKind = iota + 1 // Base and Name, in place of what it asked for before
	AskMore                     // than Have bytes of it
	AskClose                    // nothing more of it
)

// Ask is a message of a worker.
type Ask struct {
	Kind AskKind
	ID   uint32 // the worker's number for what it opens

	Base string // the place's URL, as configured
	Name string // of the file there: the bytes that a client sent, at least one
	Have int64  // bytes
}

const askHeader = 1 + 4 + 8 + 2 // kind, id, have, length of the base

// Append appends the message to b.
func (a Ask) Append(b []byte) ([]byte, error) {
	if err := a.check(); err != nil {
		return b, err
	}
	b = append(b, byte(a.Kind))
	b = binary.BigEndian.AppendUint32(b, a.ID)
	b = binary.BigEndian.AppendUint64(b, uint64(a.Have))
	b = binary.BigEndian.AppendUint16(b, uint16(len(a.Base)))
	b = append(b, a.Base...)
	return append(b, a.Name...), nil
}

func (a Ask) check() error {
	opens := a.Kind == AskOpen
	switch {
	case a.Kind < AskOpen || a.Kind > AskClose:
		return fmt.Errorf("%w: a question of kind %d", ErrMalformed, a.Kind)
	case len(a.Base) > MaxBase || len(a.Name) > MaxName:
		return fmt.Errorf("%w: a base of %d bytes and a name of %d", ErrMalformed, len(a.Base), len(a.Name))
	case opens != (a.Base != "") || opens != (a.Name != ""):
		return fmt.Errorf("%w: kind %d with base %q and name %q", ErrMalformed, a.Kind, a.Base, a.Name)
	case a.Have < 0 || a.Kind != AskMore && a.Have != 0:
		return fmt.Errorf("%w: kind %d with %d bytes", ErrMalformed, a.Kind, a.Have)
	}
	return nil
}

// ParseAsk is the inverse of Append.
func ParseAsk(b []byte) (Ask, error) {
	if len(b) < askHeader || len(b) > MaxMessage {
		return Ask{}, fmt.Errorf("%w: a question of %d bytes", ErrMalformed, len(b))
	}
	a := Ask{
		Kind: AskKind(b[0]),
		ID:   binary.BigEndian.Uint32(b[1:]),
		Have: int64(binary.BigEndian.Uint64(b[5:])),
	}
	base, texts := int(binary.BigEndian.Uint16(b[13:])), b[askHeader:]
	if base > len(texts) {
		return Ask{}, fmt.Errorf("%w: a base of %d bytes in %d", ErrMalformed, base, len(texts))
	}
	a.Base, a.Name = string(texts[:base]), string(texts[base:])
	if err := a.check(); err != nil {
		return Ask{}, err
	}
	return a, nil
}
