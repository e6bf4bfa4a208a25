package link

import (
	"context"
	"errors"
	"io"
	"syscall"

	"brood/ipc/admin"
)

// Error is that the server could not be asked, or has not answered, as opposed to that
// it said no.
type Error struct {
	Silent bool // somebody is there, and did not answer in time
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

var (
	errSilent = errors.New("the server does not answer")
	errClosed = errors.New("the server has closed the connection: it ends, or it does not serve yet")
)

// explained is what is told of an error of a question that had until ctx's end.
func explained(ctx context.Context, err error) error {
	var said *admin.Error
	var known *Error
	switch {
	case err == nil, errors.As(err, &said), errors.As(err, &known):
		return err
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &Error{true, errSilent}
	case errors.As(context.Cause(ctx), &known):
		return known
	case ctx.Err() != nil:
		return ctx.Err() // nobody wants to know any more
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET):
		return &Error{false, errClosed}
	}
	return &Error{false, err}
}
