package client

import "brood/protocol"

// Error is a transfer that the server or the network ended before it was complete.
type Error struct {
	Outcome  protocol.Outcome // PeerError, Refused, PeerGone or TimedOut
	Answered bool             // the server had answered before
	// Err is a *protocol.Error for PeerError, the server's, and for Refused, ours; for
	// the others what the network said, which may be nothing.
	Err error
}

func (e *Error) Error() string {
	switch {
	case e.Outcome == protocol.PeerError:
		return e.Err.Error()
	case e.Err == nil:
		return e.Outcome.String()
	}
	return e.Outcome.String() + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
