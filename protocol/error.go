package protocol

import (
	"bytes"
	"encoding/binary"
)

// MaxMessageLen is the longest text, in bytes, that Error.Append sends. With it
// the packet is 516 bytes long, as is the DATA packet of the default blksize:
// what every client has a buffer for, option or no option.
const MaxMessageLen = 511

// Error is the ERROR packet of RFC 1350 §5 and, as a pointer, a Go error. A
// handler that returns an *Error chooses what its client is told.
type Error struct {
	Code    ErrorCode
	Message string // for people; may be empty. Bytes as they came if parsed.
}

// Error returns code and message in one line. A message from the network is
// quoted unless it is printable.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code.String()
	}
	return e.Code.String() + ": " + Printable(e.Message)
}

// Append appends the ERROR packet to b. A NUL would end the message for the
// peer, so each is sent as "?"; what exceeds MaxMessageLen is left out.
func (e *Error) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(OpERROR))
	b = binary.BigEndian.AppendUint16(b, uint16(e.Code))
	text := len(b)
	b = append(b, e.Message[:min(len(e.Message), MaxMessageLen)]...)
	for i := text; i < len(b); i++ {
		if b[i] == 0 {
			b[i] = '?'
		}
	}
	return append(b, 0)
}

// ParseError parses an ERROR packet of any code. It asks for opcode and code
// and nothing more: many boot ROMs leave out the final NUL, some pad the packet,
// and whoever says stop should not be sent more because he said it badly. The
// message ends at its NUL or with the datagram, and is copied.
func ParseError(b []byte) (Error, error) {
	if err := expect(b, OpERROR, headerLen); err != nil {
		return Error{}, err
	}
	message, _, _ := bytes.Cut(b[headerLen:], []byte{0})
	return Error{Code: ErrorCode(binary.BigEndian.Uint16(b[2:])), Message: string(message)}, nil
}
