package protocol

// EventKind says what happened; see Event for what comes with it.
type EventKind uint8

const (
	EventStart       EventKind = iota // begin; the first event of a Sender or Receiver
	EventTimer                        // the time of the last action's Wake has come
	EventAck                          // an ACK arrived: Block
	EventData                         // a DATA packet arrived: Block, Payload
	EventOACK                         // an OACK arrived: Options
	EventError                        // the peer sent ERROR: Err
	EventContent                      // more content can be sent: Blocks, Final
	EventUnreachable                  // ICMP said that nobody listens on the peer's port
)

// Event is what Step consumes. It must come from the session's peer: the TID
// (RFC 1350 §4) is the caller's to check, by a connected socket for example.
type Event struct {
	Kind    EventKind
	Block   uint16   // EventAck, EventData: as on the wire
	Payload []byte   // EventData
	Options []Option // EventOACK
	Err     Error    // EventError
	// EventContent: blocks 1 to Blocks of the content can be sent from now on. A
	// smaller number than before changes nothing.
	Blocks uint64
	// EventContent: Blocks is the last block, the short or empty one, so it is
	// at least 1. Nothing after this event changes the content.
	Final bool
}
