package machines

import (
	"time"

	"brood/ipc/admin"
)

// Unknown is the outcome of a session whose end nobody was told of: the server could
// not be heard, or was upgraded.
const Unknown = "unknown"

// Step is one thing that a machine has asked for.
type Step struct {
	Stage     Stage     `json:"stage"`
	File      string    `json:"file"`
	Session   uint64    `json:"session"`           // the server's number for it
	Outcome   string    `json:"outcome,omitempty"` // empty: it runs
	ErrorCode int       `json:"error-code"`        // of the ERROR that ended it
	Detail    string    `json:"detail,omitempty"`
	Bytes     uint64    `json:"bytes"` // acknowledged
	Size      int64     `json:"size"`  // -1 when unknown
	Received  time.Time `json:"received"`
	Duration  float64   `json:"duration"` // seconds until its end, or now
}

// step is one with what tells how it gets on.
type step struct {
	Step
	name  Stage     // by its name, whatever came of it
	moved time.Time // when its client last acknowledged something, or asked
}

// Outcomes that tell something of a machine, by the README's words.
const (
	complete  = "complete"
	declined  = "declined"
	refused   = "refused"
	peerError = "peer-error"
)

const (
	codeNotFound = 1 // RFC 1350 §5
	codeOptions  = 8 // RFC 2347
)

// end is what came of it.
func (s *step) end(e *admin.Ended) {
	s.Outcome, s.ErrorCode, s.Detail = e.Outcome, e.ErrorCode, e.Detail
	s.Bytes, s.Size, s.Duration = e.Bytes, e.Size, e.Duration
	if e.Outcome == declined || e.Outcome == peerError && e.ErrorCode == codeOptions && e.Bytes == 0 {
		s.Stage = SizeProbe
	}
}

// is says whether it is that session. Another process of the server counts anew, and
// boot ROMs always ask from the same port.
func (s *step) is(id uint64, file string, received time.Time) bool {
	return s.Session == id && s.File == file && s.Received.Sub(received).Abs() < time.Second
}

// missed says that there is no such file, which is how loaders look for one that there is.
func (s *step) missed() bool { return s.Outcome == refused && s.ErrorCode == codeNotFound }

// tells says whether the machine itself has ended it, or has been told its end: it was
// there.
func tells(outcome string) bool {
	switch outcome {
	case complete, declined, refused, peerError:
		return true
	}
	return false
}
