package protocol

import "strings"

// Option is one name and value of RFC 2347, spelled as on the wire. Names
// compare without case, that of A to Z only.
type Option struct {
	Name, Value string
}

// The options that Negotiate and the Receiver know.
const (
	optBlksize    = "blksize"    // RFC 2348
	optBlksize2   = "blksize2"   // tftp-hpa: a power of two
	optTimeout    = "timeout"    // RFC 2349, seconds
	optUtimeout   = "utimeout"   // tftp-hpa, microseconds
	optTsize      = "tsize"      // RFC 2349
	optWindowsize = "windowsize" // RFC 7440
	optRollover   = "rollover"   // tftp-hpa, 0 or 1
)

func appendString(b []byte, s string) []byte {
	return append(append(b, s...), 0)
}

// appendOptions appends each option as name, NUL, value, NUL (RFC 2347).
func appendOptions(b []byte, options []Option) []byte {
	for _, o := range options {
		b = appendString(b, o.Name)
		b = appendString(b, o.Value)
	}
	return b
}

// cutString takes the string that starts at offset off of the packet text.
func cutString(op Opcode, text string, off int) (s string, next int, err error) {
	n := strings.IndexByte(text[off:], 0)
	if n < 0 {
		return "", 0, &PacketError{Op: op, Offset: len(text), Err: ErrNotTerminated}
	}
	return text[off : off+n], off + n + 1, nil
}

// cutOption takes the option that starts at offset off of the packet text.
func cutOption(op Opcode, text string, off int) (o Option, next int, err error) {
	name, value, err := cutString(op, text, off)
	if err != nil {
		return Option{}, 0, err
	}
	if name == "" {
		return Option{}, 0, &PacketError{Op: op, Offset: off, Err: ErrEmptyOption}
	}
	if value == len(text) {
		return Option{}, 0, &PacketError{Op: op, Offset: value, Err: ErrNoValue}
	}
	s, next, err := cutString(op, text, value)
	if err != nil {
		return Option{}, 0, err
	}
	return Option{Name: name, Value: s}, next, nil
}

// parseOptions reads the options from offset off of the packet text to its end.
// An option that is repeated counts once, with its first value: RFC 2347 lets
// it appear once only, and the first is what a server that stops looking finds.
// The strings share text's memory.
func parseOptions(op Opcode, text string, off int) ([]Option, error) {
	// Once over it all without allocating: a datagram of NULs must not cost
	// room for a thousand options.
	count := 0
	for next := off; next < len(text); count++ {
		var err error
		if _, next, err = cutOption(op, text, next); err != nil {
			return nil, err
		}
	}
	if count == 0 {
		return nil, nil
	}
	options := make([]Option, 0, count)
	seen := newNameSet(count)
	for next := off; next < len(text); {
		var o Option
		o, next, _ = cutOption(op, text, next)
		if seen.first(options, o.Name) {
			options = append(options, o)
		}
	}
	return options, nil
}

// manyOptions is where a set costs less than comparing with each. Without it a
// request of 2048 bytes and 500 options would keep the one goroutine that
// parses for everybody busy for 170 µs, with it for 35
// (BenchmarkParseRequest/WorstOptions).
const manyOptions = 16

// nameSet is the names of the options seen so far; nil while they are few.
type nameSet map[string]struct{}

func newNameSet(count int) nameSet {
	if count <= manyOptions {
		return nil
	}
	return make(nameSet, count)
}

// first reports whether name is new, and remembers it; few is searched when
// there is no set.
func (n nameSet) first(few []Option, name string) bool {
	if n == nil {
		_, ok := find(few, name)
		return !ok
	}
	before := len(n)
	n[Lower(name)] = struct{}{}
	return len(n) > before
}

// find returns the value of the option called name.
func find(options []Option, name string) (value string, ok bool) {
	for _, o := range options {
		if EqualFold(o.Name, name) {
			return o.Value, true
		}
	}
	return "", false
}
