package protocol

import "time"

// asks says whether a window that was not acknowledged in time is asked after
// before it goes out again. Mostly its end was lost, or its ACK, and the receiver
// has what came before: on a link that can't hold all windows of all clients, a
// fifth of all packets was such copies. The last block alone makes it
// acknowledge what it has, as a copy or behind a gap (RFC 7440 §4). One that says
// nothing to either is not asked again.
func (s *Sender) asks() bool {
	if s.asked {
		s.asked = false
		s.deaf++
		return false
	}
	return s.confirmed && s.sent > s.acked+1 && s.deaf < maxDeaf
}

// maxDeaf is how many questions in a row may get no answer; one or the other may
// have been lost.
const maxDeaf = 2

func (s *Sender) ask(now time.Time) Action {
	s.asked, s.askedAt = true, now
	s.dups.resend(s.sent, 1)
	s.probe.sent(now, s.sent, true)
	s.timer.start(now)
	return Action{First: s.sent, Count: 1, Again: 1, Wake: s.timer.wake}
}

// heardOf takes that an ACK came which may be the answer.
func (s *Sender) heardOf() {
	if s.asked {
		s.asked, s.deaf = false, 0
	}
}
