package protocol

import "strconv"

// Outcome is how a Sender or a Receiver ended.
type Outcome uint8

const (
	OutcomeNone Outcome = iota // not yet
	Complete                   // the last block was acknowledged, or received
	// Declined: the peer answered the OACK with ERROR. Boot firmware asks for
	// the size so, and comes back; it is no failure.
	Declined
	PeerError // the peer sent ERROR
	TimedOut  // no progress after the last retransmission
	PeerGone  // nobody listens on the peer's port
	Refused   // the Receiver sent ERROR: what the peer sent was against the rules
)

var outcomeNames = [...]string{
	OutcomeNone: "none",
	Complete:    "complete",
	Declined:    "declined",
	PeerError:   "peer-error",
	TimedOut:    "timed-out",
	PeerGone:    "peer-gone",
	Refused:     "refused",
}

// String returns the outcome as logs and counters spell it, such as
// "timed-out".
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return "outcome " + strconv.Itoa(int(o))
}
