package protocol

import "errors"

// Refusal maps an error of ParseRequest to the ERROR packet to answer with,
// once and from the address that the request was sent to. A malformed RRQ gets
// ERROR 4 with the reason, a malformed WRQ ERROR 2.
//
// ok is false when the answer must be silence: the datagram had no opcode or
// none of a request. Answering those lets two servers, each taking the other's
// ERROR for a bad request, talk for ever (CVE-2024-2169).
func Refusal(err error) (e *Error, ok bool) {
	bad, ok := errors.AsType[*PacketError](err)
	if !ok {
		return nil, false
	}
	switch bad.Op {
	case OpRRQ:
		return &Error{Code: CodeIllegalOperation, Message: "bad request: " + bad.Err.Error()}, true
	case OpWRQ:
		return &Error{Code: CodeAccessViolation, Message: "this server is read-only"}, true
	}
	return nil, false
}
