package protocol

// echoes tells a duplicate ACK that reports a loss from one that is the echo of
// something we sent twice. A block that the receiver has already makes it send
// its last ACK again: some do so once for a repeated window, others (EDK2, so
// all UEFI firmware) for every block of it. Whoever answers such an ACK with
// another window gets as many more, and from one needless retransmission on the
// whole file goes twice.
//
// So each duplicate is first charged against the packets that can have caused
// it. The count errs on the high side; what it wrongly explains away is left to
// the timer.
type echoes struct {
	explained uint64 // duplicates of the current position that need not be a loss
	repeats   uint64 // blocks retransmitted, of which some are at or before top
	top       uint64 // the highest block ever retransmitted
	answered  bool   // the current position was resent for a duplicate: once is enough

	// Where the flight ended when the window restarted inside it, the last few
	// times. See needless.
	ends [16]uint64
	next int
}

// start begins at block 0: each OACK but one may have another ACK 0.
func (e *echoes) start(oacks int) { e.explained = uint64(oacks - 1) }

// resend notes that n blocks up to top go out again.
func (e *echoes) resend(top, n uint64) {
	if n > 0 {
		e.top = top
		e.repeats += n
	}
}

// advance notes that block is acknowledged, of sent.
func (e *echoes) advance(block, sent uint64) {
	if block > e.top {
		// Sent once only, and after everything that was sent twice: so all
		// echoes of that have come or never will.
		e.repeats = 0
	}
	e.explained = e.repeats
	// The ACK came from inside the window because a block is missing. Each one
	// in flight behind it can make the receiver say so; the first did.
	if flight := sent - block; flight > 2 {
		e.explained += flight - 2
	}
	e.answered = false
}

// restart notes that the window restarts inside the flight that ends at sent.
func (e *echoes) restart(sent uint64) {
	e.ends[e.next] = sent
	e.next = (e.next + 1) % len(e.ends)
}

// needless reports whether an ACK of block, inside the window, tells that an
// earlier restart was needless: all that was in flight then did arrive, and
// what was sent again makes the receiver acknowledge it once more. Restarting
// for that would be as needless, and so on to the end of the file.
func (e *echoes) needless(block uint64) bool {
	for _, end := range e.ends {
		if block == end {
			return true
		}
	}
	return false
}

// unexplained consumes one duplicate ACK and reports whether to resend for it.
func (e *echoes) unexplained() bool {
	if e.explained > 0 {
		e.explained--
		return false
	}
	first := !e.answered
	e.answered = true
	return first
}
