package admin

import "time"

// Session is one that waits or runs.
type Session struct {
	ID    uint64 `json:"id"` // of this process
	Peer  string `json:"peer"`
	Local string `json:"local"`         // what it is answered from; while it waits, without a port
	MAC   string `json:"mac,omitempty"` // when the neighbour table knew it
	File  string `json:"file"`          // as asked, quoted where it could upset a terminal
	Mode  string `json:"mode"`

	State  string `json:"state"`  // waiting, serving, or ending once it was told to
	Worker int    `json:"worker"` // its process; 0 while it waits

	Age     float64 `json:"age"`     // seconds since its request was read
	Waited  float64 `json:"waited"`  // seconds of those, without a worker
	Silence float64 `json:"silence"` // seconds since something new was acknowledged; 0 while it waits

	Blksize         int     `json:"blksize"`    // 0 until negotiated, as far as is known
	Windowsize      int     `json:"windowsize"` // likewise
	Size            int64   `json:"size"`       // of the content in bytes, -1 when unknown
	Bytes           uint64  `json:"bytes"`      // of it, acknowledged
	Packets         uint64  `json:"packets"`    // DATA and OACK sent
	Retransmissions uint64  `json:"retransmissions"`
	Rate            float64 `json:"rate"`       // bytes a second of late; workers report each second
	RoundTrip       float64 `json:"round-trip"` // seconds, smoothed; 0 when not measured
}

// Ended is a session that has ended.
type Ended struct {
	ID    uint64 `json:"id"`
	Peer  string `json:"peer"`
	Local string `json:"local"`
	MAC   string `json:"mac,omitempty"`
	File  string `json:"file"`
	Mode  string `json:"mode"`

	Received  time.Time `json:"received"`   // when its request was read
	Waited    float64   `json:"waited"`     // seconds until a worker had it
	FirstSent float64   `json:"first-sent"` // seconds from Received to the first packet of the answer; 0: none
	Duration  float64   `json:"duration"`   // seconds from Received to the end

	Outcome   string `json:"outcome"`
	ErrorCode int    `json:"error-code"` // of the ERROR packet that ended it
	Detail    string `json:"detail,omitempty"`

	Blksize         int    `json:"blksize"`
	Windowsize      int    `json:"windowsize"`
	Size            int64  `json:"size"`
	Bytes           uint64 `json:"bytes"`
	Packets         uint64 `json:"packets"`
	Retransmissions uint64 `json:"retransmissions"`

	Worker int `json:"worker"`
}

// EventKind is what has happened.
type EventKind string

const (
	EventWatching EventKind = "watching" // the first one: from now on all is told
	EventBegun    EventKind = "begun"    // a session has got a worker; Session
	EventProgress EventKind = "progress" // at most one a second of a session; Session
	EventEnded    EventKind = "ended"    // Ended
	EventGone     EventKind = "gone"     // the server has ended, or another process has taken over; Reason
)

// Event is something that has happened.
type Event struct {
	Event   EventKind `json:"event"`
	Time    time.Time `json:"time"`
	Session *Session  `json:"session,omitempty"`
	Ended   *Ended    `json:"ended,omitempty"`
	Reason  string    `json:"reason,omitempty"`
}

// Reasons of EventGone.
const (
	ReasonDrained  = "drained"
	ReasonUpgraded = "upgraded" // connect again: another process has the socket
)

// Chunk is a piece of something long.
type Chunk struct {
	Bytes []byte `json:"bytes"`
}

// MaxChunk bounds a Chunk, in bytes.
const MaxChunk = 32 << 10
