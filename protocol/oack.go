package protocol

import "encoding/binary"

// OACK is the option acknowledgment of RFC 2347.
type OACK struct {
	Options []Option
}

// Append appends the OACK packet to b. Names and values must hold no NUL;
// those that Negotiate returns hold none.
func (o OACK) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(OpOACK))
	return appendOptions(b, o.Options)
}

// ParseOACK parses an OACK, with the rules for options that ParseRequest has.
// One without any option is accepted: it acknowledges nothing, and is answered
// with ACK 0 as any other.
func ParseOACK(b []byte) (OACK, error) {
	if err := expect(b, OpOACK, opcodeLen); err != nil {
		return OACK{}, err
	}
	options, err := parseOptions(OpOACK, string(b), opcodeLen)
	if err != nil {
		return OACK{}, err
	}
	return OACK{Options: options}, nil
}
