package protocol

import (
	"encoding/binary"
	"io"
	"strconv"
)

// Opcode is the first two bytes of every TFTP packet (RFC 1350 §5, RFC 2347).
type Opcode uint16

// The opcodes; every other value is unknown.
const (
	OpRRQ Opcode = iota + 1
	OpWRQ
	OpDATA
	OpACK
	OpERROR
	OpOACK
)

const (
	opcodeLen = 2
	headerLen = opcodeLen + 2 // opcode and block number, or opcode and error code
)

// String returns the RFC's name of o, such as "RRQ".
func (o Opcode) String() string {
	switch o {
	case OpRRQ:
		return "RRQ"
	case OpWRQ:
		return "WRQ"
	case OpDATA:
		return "DATA"
	case OpACK:
		return "ACK"
	case OpERROR:
		return "ERROR"
	case OpOACK:
		return "OACK"
	}
	return "opcode " + strconv.Itoa(int(o))
}

// ParseOpcode returns the opcode of the datagram b, whatever follows it. The
// error is a *PacketError: io.ErrUnexpectedEOF when b has less than two bytes,
// ErrOpcode (with the opcode returned all the same) when nobody knows it.
func ParseOpcode(b []byte) (Opcode, error) {
	if len(b) < opcodeLen {
		return 0, &PacketError{Offset: len(b), Err: io.ErrUnexpectedEOF}
	}
	op := Opcode(binary.BigEndian.Uint16(b))
	if op < OpRRQ || op > OpOACK {
		return op, &PacketError{Op: op, Err: ErrOpcode}
	}
	return op, nil
}

// IsRequest says whether the datagram b is an RRQ or a WRQ, well formed or not.
func IsRequest(b []byte) bool {
	op, err := ParseOpcode(b)
	return err == nil && (op == OpRRQ || op == OpWRQ)
}

// expect checks that b is a packet of kind op with at least n bytes.
func expect(b []byte, op Opcode, n int) error {
	got, err := ParseOpcode(b)
	if err != nil {
		return err
	}
	if got != op {
		return &PacketError{Op: got, Err: ErrOpcode}
	}
	if len(b) < n {
		return &PacketError{Op: op, Offset: len(b), Err: io.ErrUnexpectedEOF}
	}
	return nil
}
