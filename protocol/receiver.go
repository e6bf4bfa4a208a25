package protocol

import "time"

// ReceiverConfig is what a Receiver needs to know of its request.
type ReceiverConfig struct {
	// Options are those of the RRQ. An OACK is held against them. The Receiver
	// keeps the slice and does not change it.
	Options []Option
	// Timeout is how long the server has to answer. Zero means DefaultTimeout.
	// It doubles with every try, up to a minute. An acknowledged timeout or
	// utimeout replaces it and does not double.
	Timeout time.Duration
	// Retries is how many times the RRQ or an ACK is repeated by the timer
	// before the Receiver gives up; a new block sets the count back. Zero means
	// none.
	Retries int
}

// Receiver decides what the reading client does: RRQ until the first answer,
// OACK or DATA 1, then ACKs as RFC 1350 and RFC 7440 §4 want them: at the end of
// a window, at the last block, once when a block is missing, and when nothing
// comes for a timeout.
//
// What was received already is acknowledged again only when it shows that the
// server waits for that ACK, a copy made by the network does not: in lock-step
// that is every repetition of the last block, in a window the last block after
// the one before it.
type Receiver struct {
	asked   []Option
	terms   Terms
	size    int64
	timer   retry
	started bool

	answered bool   // by OACK or DATA 1
	oack     bool   // by OACK
	got      uint64 // highest block received in order
	acked    uint64 // the block last acknowledged: the window began after it
	prev     uint64 // the block acknowledged before that one
	gapped   bool   // the gap after got was reported
	run      bool   // the last packet repeated block got-1
	end      Reply  // once it is Done
}

// NewReceiver returns a Receiver that waits for EventStart.
func NewReceiver(c ReceiverConfig) *Receiver {
	timer := newRetry(c.Timeout, false, c.Retries)
	return &Receiver{asked: c.Options, terms: defaultTerms(timer.base), size: -1, timer: timer}
}

// Terms returns what is in force: the defaults until an OACK was accepted.
func (r *Receiver) Terms() Terms { return r.terms }

// Size returns the content's size in bytes if an OACK told it (tsize).
func (r *Receiver) Size() (n int64, ok bool) { return r.size, r.size >= 0 }

// Received returns how many blocks were received in order.
func (r *Receiver) Received() uint64 { return r.got }

// Step consumes one event and says what to write, send and when to wake. It
// does not allocate unless it refuses an OACK.
//
// The TID is the caller's: the first OACK or DATA fixes it, packets from
// elsewhere get ERROR 5 from the caller and never reach Step. A DATA packet
// above blksize and an OACK that does not fit the request are refused.
//
// Done with Complete comes with the last block and its ACK. That ACK may get
// lost, so RFC 1350 §6 wants dallying: a caller that keeps passing events until
// Wake sees a repeated last block acknowledged again. Nothing else happens
// after Done.
func (r *Receiver) Step(now time.Time, ev Event) Reply {
	if r.end.Done {
		return r.dally(ev)
	}
	switch ev.Kind {
	case EventStart:
		if !r.started {
			r.started = true
			r.timer.start(now)
			return Reply{RRQ: true, Wake: r.timer.wake}
		}
	case EventTimer:
		if r.timer.due(now) {
			return r.expire(now)
		}
	case EventOACK:
		if r.started {
			return r.options(now, ev.Options)
		}
	case EventData:
		if r.started {
			return r.data(now, ev)
		}
	case EventError:
		return r.finish(Reply{Outcome: PeerError, Err: ev.Err})
	case EventUnreachable:
		return r.finish(Reply{Outcome: PeerGone})
	}
	return r.wait()
}

func (r *Receiver) expire(now time.Time) Reply {
	if !r.timer.again(now) {
		return r.finish(Reply{Outcome: TimedOut})
	}
	r.timer.start(now)
	if !r.answered {
		return Reply{RRQ: true, Wake: r.timer.wake}
	}
	return r.ack()
}

func (r *Receiver) options(now time.Time, acked []Option) Reply {
	if r.answered {
		if r.oack && r.got == 0 {
			return r.ack() // ACK 0 was lost
		}
		return r.wait()
	}
	terms, size, err := accept(r.asked, acked, r.timer.base)
	if err != nil {
		return r.finish(Reply{Refuse: true, Outcome: Refused, Err: *err})
	}
	r.terms, r.size = terms, size
	r.answered, r.oack = true, true
	r.timer.base, r.timer.fixed = terms.Timeout, terms.TimeoutAsked
	r.timer.progress()
	r.timer.start(now)
	return r.ack()
}

func (r *Receiver) data(now time.Time, ev Event) Reply {
	if !r.answered {
		if ev.Block != 1 {
			return r.wait()
		}
		r.answered = true // RFC 2347: no OACK, so no option is in force
	}
	n, ok := r.seq().ahead(r.got, ev.Block)
	switch {
	case !ok:
		return r.wait()
	case n == 1:
		return r.next(now, ev.Payload)
	case n > 1 && n <= r.acked+uint64(r.terms.Windowsize)-r.got:
		return r.gap(now)
	}
	// A server that repeats a window does not have our ACK, although it may have
	// begun elsewhere than we think: what counts is that it repeats our last
	// block after the one before. That block alone is a copy by the network,
	// unless the window had no other; an ACK for each copy would make the server
	// repeat windows that arrived.
	wanted := n == 0 && r.got > 0 && (r.run || r.acked == r.got && r.prev+1 == r.got)
	r.run = n == r.seq().cycle()-1
	if wanted {
		return r.ack()
	}
	return r.wait()
}

// next takes the block after the last.
func (r *Receiver) next(now time.Time, payload []byte) Reply {
	if len(payload) > r.terms.Blksize {
		return r.finish(Reply{
			Refuse: true, Outcome: Refused,
			Err: Error{Code: CodeIllegalOperation, Message: "DATA is longer than blksize"},
		})
	}
	r.got++
	r.gapped, r.run = false, false
	r.timer.progress()
	r.timer.start(now)
	reply := r.wait()
	last := len(payload) < r.terms.Blksize
	if last || r.got-r.acked >= uint64(r.terms.Windowsize) {
		reply = r.ack()
	}
	if last {
		// Two timeouts see one repetition of the last block, if the server's
		// timeout is ours.
		reply.Wake = now.Add(2 * r.timer.timeout())
		reply.Outcome = Complete
		reply = r.finish(reply)
	}
	reply.Payload = payload
	return reply
}

// gap reports a missing block with the last one in order, once: what is still
// in flight shows the same gap again (RFC 7440 §4).
func (r *Receiver) gap(now time.Time) Reply {
	r.run = false
	if r.gapped {
		return r.wait()
	}
	r.gapped = true
	r.timer.start(now)
	return r.ack()
}

// ack acknowledges what was received in order; a new window begins after it.
func (r *Receiver) ack() Reply {
	if r.acked != r.got {
		r.prev, r.acked = r.acked, r.got
	}
	return Reply{Ack: true, Block: r.seq().wire(r.got), Wake: r.timer.wake}
}

// dally answers the events after the end.
func (r *Receiver) dally(ev Event) Reply {
	reply := r.end
	if r.end.Outcome == Complete && ev.Kind == EventData && ev.Block == r.seq().wire(r.got) {
		reply.Ack, reply.Block = true, ev.Block
	}
	return reply
}

func (r *Receiver) finish(reply Reply) Reply {
	reply.Done = true
	// What is repeated from now on is only how it ended.
	r.end = Reply{Wake: reply.Wake, Done: true, Outcome: reply.Outcome, Err: reply.Err}
	return reply
}

func (r *Receiver) wait() Reply   { return Reply{Wake: r.timer.wake} }
func (r *Receiver) seq() sequence { return sequence(r.terms.Rollover) }
