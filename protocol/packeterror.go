package protocol

import (
	"errors"
	"strconv"
)

// What can be wrong with a packet, besides io.ErrUnexpectedEOF for one that
// ends before its fixed part does. A *PacketError wraps them; compare with
// errors.Is. Refusal sends these texts to clients, so they say nothing about
// the server.
var (
	ErrOpcode        = errors.New("unexpected opcode")
	ErrTooLong       = errors.New("packet is longer than 2048 bytes")
	ErrNotTerminated = errors.New("string has no final NUL")
	ErrNoMode        = errors.New("mode is missing")
	ErrMode          = errors.New("mode is neither octet nor netascii")
	ErrMail          = errors.New("mode mail is obsolete")
	ErrEmptyFile     = errors.New("file name is empty")
	ErrEmptyOption   = errors.New("option name is empty")
	ErrNoValue       = errors.New("option has no value")
)

// PacketError says which packet was refused, where and why. Every Parse
// function that fails returns one.
type PacketError struct {
	Op     Opcode // zero when the datagram has no opcode
	Offset int    // of the faulty field, in bytes from the start of the datagram; its length when it ended too soon
	Err    error  // the cause: io.ErrUnexpectedEOF, ErrNotTerminated, ...
}

// Error names the packet, the offset and the cause, and quotes nothing from the
// datagram: it can be logged as it stands.
func (e *PacketError) Error() string {
	kind := "datagram"
	if e.Op != 0 {
		kind = e.Op.String()
	}
	return "tftp: bad " + kind + " at byte " + strconv.Itoa(e.Offset) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *PacketError) Unwrap() error { return e.Err }
