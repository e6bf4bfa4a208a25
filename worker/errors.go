package worker

import (
	"errors"
	"io/fs"

	"brood/protocol"
)

// ErrorFor returns the ERROR packet that a client gets for an error of a handler:
// a *protocol.Error as it stands, code 1 for fs.ErrNotExist, code 2 for
// fs.ErrPermission, and code 0 with a fixed text for everything else. What an
// error says beyond that goes to the log and never to the client.
func ErrorFor(err error) *protocol.Error {
	var e *protocol.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, fs.ErrNotExist):
		return &protocol.Error{Code: protocol.CodeNotFound, Message: "File not found"}
	case errors.Is(err, fs.ErrPermission):
		return &protocol.Error{Code: protocol.CodeAccessViolation, Message: "Access violation"}
	default:
		return &protocol.Error{Code: protocol.CodeUndefined, Message: "Server error, see its log"}
	}
}
