package protocol

import "encoding/binary"

// MaxRequestLen is the longest request that is parsed, in bytes. RFC 2347 says
// 512; boot loaders with long paths send more, and nobody has a reason to send
// more than this.
const MaxRequestLen = 2048

// Request is an RRQ or a WRQ (RFC 1350 §5) with the options of RFC 2347.
type Request struct {
	Op      Opcode // OpRRQ or OpWRQ
	File    string // bytes as they came: not necessarily UTF-8, see Printable
	Mode    Mode
	Options []Option // in the order asked, each name once; nil when there are none
}

// Append appends the request to b. It checks nothing: a NUL in a string or an
// empty file name makes a packet that says something else. Whoever has the
// strings from somebody else parses what Append returned.
func (r Request) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(r.Op))
	b = appendString(b, r.File)
	b = appendString(b, r.Mode.String())
	return appendOptions(b, r.Options)
}

// ParseRequest parses a datagram from the request port. A well-formed WRQ
// parses as an RRQ does, with Op saying which it is. Anything that is not well
// formed is an error, never a guess: a string without its NUL, an option
// without a name or a value (NULs that pad a request make such an option), an
// empty file name, a mode other than octet and netascii, more than
// MaxRequestLen bytes. The error is a *PacketError; Refusal says what to answer.
//
// The strings are a copy: b may be used again at once.
func ParseRequest(b []byte) (Request, error) {
	op, err := ParseOpcode(b)
	if err != nil {
		return Request{}, err
	}
	if op != OpRRQ && op != OpWRQ {
		return Request{}, &PacketError{Op: op, Err: ErrOpcode}
	}
	if len(b) > MaxRequestLen {
		return Request{}, &PacketError{Op: op, Offset: MaxRequestLen, Err: ErrTooLong}
	}
	text := string(b) // the only copy: all strings are cut from it
	file, off, err := cutString(op, text, opcodeLen)
	if err != nil {
		return Request{}, err
	}
	if file == "" {
		return Request{}, &PacketError{Op: op, Offset: opcodeLen, Err: ErrEmptyFile}
	}
	if off == len(text) {
		return Request{}, &PacketError{Op: op, Offset: off, Err: ErrNoMode}
	}
	word, next, err := cutString(op, text, off)
	if err != nil {
		return Request{}, err
	}
	mode, err := parseMode(word)
	if err != nil {
		return Request{}, &PacketError{Op: op, Offset: off, Err: err}
	}
	options, err := parseOptions(op, text, next)
	if err != nil {
		return Request{}, err
	}
	return Request{Op: op, File: file, Mode: mode, Options: options}, nil
}
