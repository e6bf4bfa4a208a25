package protocol

import "time"

// Action is what a Sender's Step wants done, in the order of the fields. Every
// Action carries the timer as it now stands.
type Action struct {
	// OACK: send the OACK.
	OACK bool
	// Send DATA blocks First to First+Count-1, absolute numbers from 1; Count 0:
	// none. They lie between Acked()+1 and Acked()+Windowsize, so the caller
	// keeps that many blocks; and block Acked() itself, as long as it has given no
	// later one.
	First uint64
	Count int
	// Again is how many of these packets were sent before: retransmissions.
	Again int
	// Wake is when to call Step with EventTimer; zero: never.
	Wake time.Time
	// Done: the session is over and nothing more is sent, whatever arrives.
	Done    bool
	Outcome Outcome
	Err     Error // the peer's ERROR if that ended it
}
