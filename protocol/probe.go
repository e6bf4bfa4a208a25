package protocol

import "time"

// probe times one packet from its sending to its acknowledgement. There is one
// at a time, the last of a flight, because that is what a window's ACK answers.
type probe struct {
	block uint64 // 0: the OACK
	at    time.Time
}

// sent begins to time block, unless it went out before: the ACK could be for
// either of the two (Karn's algorithm, RFC 6298 §3).
func (p *probe) sent(now time.Time, block uint64, again bool) {
	*p = probe{}
	if !again {
		*p = probe{block: block, at: now}
	}
}

// answered gives the timer the round trip if block is the one that is timed.
func (p *probe) answered(now time.Time, block uint64, timer *retry) {
	if !p.at.IsZero() && block >= p.block {
		timer.measure(now.Sub(p.at))
		*p = probe{}
	}
}
