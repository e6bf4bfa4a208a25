package protocol

import "time"

// SenderConfig is what a Sender runs under, mostly from Terms.
type SenderConfig struct {
	Windowsize int    // blocks, 1 to 65535 (65534 with Rollover 1); zero means 1
	Rollover   uint16 // the block number that follows 65535: 0 or 1
	OACK       bool   // an OACK goes first and is answered by ACK 0
	// Timeout is how long the peer has to answer a first transmission. Zero
	// means DefaultTimeout. It doubles with every retransmission, up to a
	// minute, unless Fixed says that the client negotiated it.
	//
	// Once a round trip was measured the wait follows that instead (RFC 6298,
	// but from 20 ms on) and doubles up to Timeout; Fixed prevents that, too.
	Timeout time.Duration
	Fixed   bool
	// Retries is how many retransmissions follow a transmission before the
	// Sender gives up; every block acknowledged sets the count back. Zero means
	// none: a packet is sent once. With a measured round trip retransmissions
	// come faster and are more, and the Sender gives up after the same time.
	Retries int
}

// Sender decides what the sending side of a transfer does: RFC 1350 in
// lock-step, RFC 7440 with a window, of which lock-step is the case of one
// block. It holds no content.
//
// Before the peer has sent a valid ACK, the Sender sends at most one packet,
// the OACK or DATA 1, and Retries repetitions of it: a request with a forged
// source address is worth no more to whoever forged it.
//
// Where the ACK of a window is late, its last block goes out again, alone: that
// makes the receiver say what it has. The window follows if it doesn't.
//
// A window is acknowledged when it is full or the content ends. While the
// content is slower than that, blocks go out as they come and no timer runs:
// the peer owes no ACK yet. It will send one when its own timer fires, and
// after it the Sender goes on from there, so a block lost in a window that is
// not yet full is repaired by the receiver. So that it does not give up, the last
// block goes out again each Timeout. Where nothing new goes to it and nothing comes
// for as long as all retries would take, the peer has gone.
type Sender struct {
	seq    sequence
	window uint64
	oack   bool
	timer  retry

	started   bool
	confirmed bool
	avail     uint64    // blocks that can be sent
	final     bool      // avail is the last block
	acked     uint64    // highest block acknowledged
	sent      uint64    // highest block sent; acked+1 to sent are in flight
	oacks     int       // OACKs sent
	quiet     time.Time // nothing new has gone either way since
	spoke     time.Time // when DATA went out last
	asked     bool      // the last block went out again, alone, and nothing came since
	askedAt   time.Time
	deaf      int // times in a row that nothing came
	probe     probe
	dups      echoes
	end       Action // the answer to every event once it is Done
}

// NewSender returns a Sender that waits for EventStart.
func NewSender(c SenderConfig) *Sender {
	seq := sequence(min(c.Rollover, 1))
	return &Sender{
		seq:    seq,
		window: uint64(min(max(c.Windowsize, 1), seq.maxWindow())),
		oack:   c.OACK,
		timer:  newRetry(c.Timeout, c.Fixed, c.Retries),
	}
}

// Wire returns the number of a block on the wire, with rollover.
func (s *Sender) Wire(block uint64) uint16 { return s.seq.wire(block) }

// Acked returns the highest acknowledged block, an absolute number; 0 when
// none is.
func (s *Sender) Acked() uint64 { return s.acked }

// Confirmed reports whether the peer has sent a valid ACK, that of the OACK
// included: it is there, and its address is not forged.
func (s *Sender) Confirmed() bool { return s.confirmed }

// RoundTrip returns the smoothed round trip to the peer (RFC 6298); 0 when none was
// measured.
func (s *Sender) RoundTrip() time.Duration { return s.timer.srtt }

// Step consumes one event and says what to send and when to wake. It does not
// allocate and retains nothing of ev but the strings of its Err.
//
// EventContent may come before EventStart; ACKs before it mean nothing. An ACK
// inside the window restarts it after that block (RFC 7440 §4), one of the
// block before the window may repeat it once, stale and future ones do nothing.
// ERROR and EventUnreachable end the session at any point and are answered with
// silence.
func (s *Sender) Step(now time.Time, ev Event) Action {
	if s.end.Done {
		return s.end
	}
	switch ev.Kind {
	case EventStart:
		if !s.started {
			s.started, s.quiet = true, now
			return s.send(now)
		}
	case EventContent:
		if !s.final {
			s.avail = max(s.avail, ev.Blocks)
			s.final = ev.Final
			if s.final {
				s.avail = max(s.avail, 1) // no content has less than the empty block
			}
			return s.extend(now)
		}
	case EventAck:
		s.quiet = now
		return s.ack(now, ev.Block)
	case EventTimer:
		if !s.timer.running() && s.started {
			if !now.Before(s.quiet.Add(s.timer.patience())) {
				return s.finish(TimedOut, Error{})
			}
			if at := s.nudgeAt(); !at.IsZero() && !now.Before(at) {
				return s.nudge(now)
			}
		}
		if s.timer.due(now) {
			if !s.timer.again(now) {
				return s.finish(TimedOut, Error{})
			}
			if s.asks() {
				return s.ask(now)
			}
			return s.send(now)
		}
	case EventError:
		return s.finish(s.blame(ev.Err.Code), ev.Err)
	case EventUnreachable:
		return s.finish(PeerGone, Error{})
	}
	return s.wait()
}

func (s *Sender) ack(now time.Time, wire uint16) Action {
	if s.awaitsOACK() {
		// RFC 2347: an OACK is acknowledged by ACK 0 and nothing else.
		if wire != 0 || s.oacks == 0 {
			return s.wait()
		}
		s.confirmed = true
		s.timer.progress()
		s.probe.answered(now, 0, &s.timer)
		s.dups.start(s.oacks)
		return s.send(now)
	}
	n, ok := s.seq.ahead(s.acked, wire)
	if !ok || n > s.sent-s.acked {
		return s.wait() // stale or future
	}
	if n == 0 {
		// In lock-step a repeated ACK must not cause a resend: if both ends
		// answer duplicates, every later packet goes twice (Sorcerer's
		// Apprentice, RFC 1123 §4.2.3.1). Before the first valid ACK this is an
		// ACK 0 that nobody asked for, and worth nothing.
		if s.window == 1 || !s.confirmed || s.sent == s.acked {
			return s.wait()
		}
		if s.asked {
			s.heardOf()
			s.dups.answered = true
			return s.send(now)
		}
		if !s.dups.unexplained() {
			return s.wait()
		}
		return s.send(now)
	}
	s.acked += n
	s.confirmed = true
	if s.asked && s.acked < s.sent {
		// Of a gap at the window's end nothing had told the receiver before: what
		// is timed is the question. Where no window fits the path nothing else ever
		// is, and the back-off would have no end.
		s.timer.measure(now.Sub(s.askedAt))
	}
	s.heardOf()
	s.timer.progress()
	s.probe.answered(now, s.acked, &s.timer)
	s.dups.advance(s.acked, s.sent)
	if s.sent > s.acked {
		if s.dups.needless(s.acked) {
			s.timer.stop() // progress all the same: extend starts it anew
			return s.extend(now)
		}
		s.dups.restart(s.sent)
	}
	if s.complete() {
		return s.finish(Complete, Error{})
	}
	return s.send(now)
}

// awaitsOACK holds until the OACK is acknowledged, from before it is sent.
func (s *Sender) awaitsOACK() bool { return s.oack && !s.confirmed }

// limit is how many blocks may be in flight.
func (s *Sender) limit() uint64 {
	switch {
	case !s.started || s.awaitsOACK():
		return 0
	case !s.confirmed:
		return 1
	}
	return s.window
}

func (s *Sender) complete() bool { return s.final && s.acked == s.avail }

// send starts the window after the last acknowledged block, or sends the OACK,
// for the first time or again.
func (s *Sender) send(now time.Time) Action {
	if s.awaitsOACK() {
		s.timer.start(now)
		s.oacks++
		s.probe.sent(now, 0, s.oacks > 1)
		return Action{OACK: true, Again: min(s.oacks-1, 1), Wake: s.timer.wake}
	}
	again := s.sent - s.acked
	s.dups.resend(s.sent, again)
	s.sent = s.acked
	a := s.extend(now)
	a.Again = int(again)
	return a
}

// extend sends what the window has room for after the last block sent.
func (s *Sender) extend(now time.Time) Action {
	if s.complete() { // only now did we learn that the last block was the last
		return s.finish(Complete, Error{})
	}
	if s.awaitsOACK() || !s.started {
		return s.wait()
	}
	first := s.sent + 1
	s.sent = max(s.sent, min(s.avail, s.acked+s.limit()))
	a := Action{Count: int(s.sent + 1 - first)}
	if a.Count > 0 {
		a.First = first
		s.quiet, s.spoke = now, now
		s.probe.sent(now, s.sent, s.sent <= s.dups.top)
	}
	switch {
	case !s.owed():
		s.timer.stop()
	case a.Count > 0 || !s.timer.running():
		s.timer.start(now)
	}
	a.Wake = s.wake()
	return a
}

// owed reports whether the peer has all it needs to send an ACK.
func (s *Sender) owed() bool {
	return s.sent > s.acked && (s.sent == s.acked+s.limit() || s.final && s.sent == s.avail)
}

func (s *Sender) wait() Action { return Action{Wake: s.wake()} }

// wake is when the Sender wants EventTimer, also while the peer owes it nothing.
func (s *Sender) wake() time.Time {
	if s.timer.running() || !s.started {
		return s.timer.wake
	}
	end := s.quiet.Add(s.timer.patience())
	if at := s.nudgeAt(); !at.IsZero() && at.Before(end) {
		return at
	}
	return end
}

// blame tells a peer that only wanted to see the OACK from one that failed. RFC
// 2347 has ERROR 8 for it; PXE ROMs send ERROR 0.
func (s *Sender) blame(code ErrorCode) Outcome {
	if s.awaitsOACK() && s.oacks > 0 && (code == CodeOptionRefused || code == CodeUndefined) {
		return Declined
	}
	return PeerError
}

func (s *Sender) finish(outcome Outcome, err Error) Action {
	s.end = Action{Done: true, Outcome: outcome, Err: err}
	return s.end
}
