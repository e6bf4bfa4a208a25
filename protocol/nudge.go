package protocol

import "time"

// A peer that has all that there is to send waits, and its own timer runs: where
// content comes slowly it repeats its last ACK a few times, in vain, and gives up.
// The last block once more tells it that the server is there. It acknowledges the
// copy, starts its timer anew, and writes nothing twice (RFC 1350 §2); the Sender
// does nothing at that ACK, so neither answers the other without end.

// nudgeAt is when the last block goes out again, alone, to a peer that owes
// nothing; zero: never, for there is none.
func (s *Sender) nudgeAt() time.Time {
	if !s.confirmed || s.sent == 0 {
		return time.Time{}
	}
	return s.spoke.Add(s.timer.base)
}

// nudge does so. What was heard is not touched: a peer that answers none of them
// has gone.
func (s *Sender) nudge(now time.Time) Action {
	s.spoke = now
	s.dups.resend(s.sent, 1)
	s.probe.sent(now, s.sent, true)
	return Action{First: s.sent, Count: 1, Again: 1, Wake: s.wake()}
}
