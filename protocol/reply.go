package protocol

import "time"

// Reply is what a Receiver's Step wants done, in the order of the fields.
type Reply struct {
	// Payload is the next piece of the content, in order and once; it aliases
	// the event's. Empty: nothing to write.
	Payload []byte
	// RRQ: send the request, the same bytes every time, to the request port.
	RRQ bool
	// Ack: send an ACK with this block number to the peer's TID.
	Ack   bool
	Block uint16
	// Refuse: send Err to the peer, once.
	Refuse bool
	// Wake is when to call Step with EventTimer; zero: never. In the Done of a
	// complete transfer it is the end of the dally period.
	Wake time.Time
	// Done: the transfer is over, Outcome says how.
	Done    bool
	Outcome Outcome
	Err     Error // the peer's ERROR for PeerError, ours for Refused
}
