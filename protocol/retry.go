package protocol

import "time"

// maxBackoff bounds the doubling of a timeout, as RFC 6298 §2.5 allows.
const maxBackoff = 60 * time.Second

// minTimeout is the least timeout that a measured round trip leads to. RFC 6298
// §2.4 has a second, for paths across the world; here the peer is a rack away,
// and what has to be allowed for is its scheduler.
const minTimeout = 20 * time.Millisecond

// retry is the retransmission timer of one side: when it fires, and how often
// it may do so without progress.
//
// As long as nothing was measured, and where the client negotiated a timeout,
// each try has base, doubled with every further one unless fixed. Once a round
// trip is known the timeout follows it, up to base, so that a lost packet costs
// milliseconds. Patience with a silent peer stays what it was: it is then a time
// and no longer a number of tries, for they come faster.
type retry struct {
	base  time.Duration // the timeout of a first transmission
	fixed bool          // no back-off: the client negotiated base (RFC 2349)
	limit int           // retransmissions without progress
	tries int           // made since the last progress
	wake  time.Time     // zero when stopped
	since time.Time     // of the first transmission without progress

	srtt, rttvar time.Duration // RFC 6298 §2; srtt 0: nothing measured
	backoff      int           // doublings of what was measured, until it is measured anew
}

func newRetry(base time.Duration, fixed bool, limit int) retry {
	if base <= 0 {
		base = DefaultTimeout
	}
	return retry{base: base, fixed: fixed, limit: max(limit, 0)}
}

// timeout is the only place that says how long to wait for the peer now.
func (r *retry) timeout() time.Duration {
	if r.measured() {
		d := max(r.srtt+4*r.rttvar, minTimeout)
		for i := 0; i < r.backoff && d < r.base; i++ {
			d *= 2
		}
		return min(d, r.base)
	}
	return r.try(r.tries)
}

// try is the timeout of the n-th retransmission by the clock alone.
func (r *retry) try(n int) time.Duration {
	d := r.base
	for i := 0; i < n && !r.fixed && d < maxBackoff; i++ {
		d = min(2*d, maxBackoff)
	}
	return d
}

// patience is how long the peer may be silent: what all tries take by the clock.
func (r *retry) patience() time.Duration {
	var sum time.Duration
	for n := range r.limit + 1 {
		sum += r.try(n)
	}
	return sum
}

// measured says whether the timeout follows the round trip.
func (r *retry) measured() bool { return r.srtt > 0 && !r.fixed }

// measure takes one round trip (RFC 6298 §2). It must be of a packet that was
// sent once (Karn's algorithm, §3). Progress alone does not end the back-off:
// where a queue has made the round trip longer than the timeout, every packet is
// sent twice and none can be measured, until a longer timeout lets one through.
func (r *retry) measure(rtt time.Duration) {
	r.backoff = 0
	rtt = max(rtt, 1)
	if r.srtt == 0 {
		r.srtt, r.rttvar = rtt, rtt/2
		return
	}
	r.rttvar += ((r.srtt - rtt).Abs() - r.rttvar) / 4
	r.srtt += (rtt - r.srtt) / 8
}

func (r *retry) start(now time.Time) {
	if r.since.IsZero() {
		r.since = now
	}
	r.wake = now.Add(r.timeout())
}

func (r *retry) stop()         { r.wake = time.Time{} }
func (r *retry) running() bool { return !r.wake.IsZero() }
func (r *retry) progress()     { r.tries, r.since = 0, time.Time{} }

// due reports whether the timer has fired. A timer event that was already
// under way when the timer was set anew comes too early and means nothing.
func (r *retry) due(now time.Time) bool { return r.running() && !now.Before(r.wake) }

// again counts one retransmission; false says that there were enough.
func (r *retry) again(now time.Time) bool {
	if r.measured() && now.Sub(r.since) >= r.patience() || !r.measured() && r.tries >= r.limit {
		return false
	}
	r.tries++
	r.backoff++
	return true
}
