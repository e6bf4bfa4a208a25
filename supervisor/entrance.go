package supervisor

import (
	"net/netip"
	"time"
)

// entrance is where requests wait. Sources that have proved their address, by
// acknowledging something that was sent there, stand in a line of their own, and
// the lines take turns: a flood from addresses that are made up, each of which has
// a lane, is one line, and those who were here before do not stand in it.
type entrance struct {
	lines  [2]queue
	served int // the line that was served last
	known  bounded[netip.Addr, time.Time]
}

// The lines.
const (
	strangers = iota
	acquaintances
)

// A source is known for knownFor after it last proved its address, and so many are.
const (
	knownFor = 24 * time.Hour
	maxKnown = 1 << 16
)

func newEntrance() entrance {
	return entrance{known: bounded[netip.Addr, time.Time]{most: maxKnown}}
}

// meet notes that a source has proved its address.
func (e *entrance) meet(now time.Time, source netip.Addr) { *e.known.get(source) = now }

func (e *entrance) knows(source netip.Addr) bool { return e.known.find(source) != nil }

// expire forgets who was not here for long.
func (e *entrance) expire(now time.Time) {
	e.known.expire(maxKnown/60, func(met *time.Time) bool { return now.Sub(*met) > knownFor })
}

func (e *entrance) len() int { return e.lines[strangers].len() + e.lines[acquaintances].len() }

func (e *entrance) has(source netip.Addr) bool {
	return e.lines[strangers].has(source) || e.lines[acquaintances].has(source)
}

func (s *session) line() int {
	if s.stranger {
		return strangers
	}
	return acquaintances
}

func (e *entrance) push(s *session)  { e.lines[s.line()].push(s) }
func (e *entrance) unpop(s *session) { e.lines[s.line()].unpop(s) }

// pop is queue.pop for the line whose turn it is, or for the other one. Strangers
// may be kept waiting as a whole.
func (e *entrance) pop(admitted bool, room func(source netip.Addr) int) *session {
	for _, line := range []int{1 - e.served, e.served} {
		if line == strangers && !admitted {
			continue
		}
		if s := e.lines[line].pop(room); s != nil {
			e.served = line
			return s
		}
	}
	return nil
}

// eligible is queue.eligible for both lines.
func (e *entrance) eligible(admitted bool, enough int, room func(source netip.Addr) int) int {
	n := e.lines[acquaintances].eligible(enough, room)
	if admitted && n < enough {
		n += e.lines[strangers].eligible(enough-n, room)
	}
	return n
}

// displace makes room for a source that has nothing waiting: the latest session of
// the longest lane goes, or, for one that is known, a stranger's. It may be nil.
func (e *entrance) displace(stranger bool) *session {
	from, other := &e.lines[strangers], &e.lines[acquaintances]
	if from.longest() < other.longest() {
		from = other
	}
	s := from.displace()
	if s == nil && !stranger {
		s = e.lines[strangers].last()
	}
	return s
}

func (e *entrance) dropStale(now time.Time, drop func(*session)) {
	for i := range e.lines {
		e.lines[i].dropStale(now, drop)
	}
}

// fewSessions is when MaxSessions is too small to keep places for anybody.
const fewSessions = 16

// admitsStrangers says whether one more session of a source that is not known may
// run. Sessions that nobody acknowledges last for a minute, so that 17 made up
// addresses a second were enough to hold 1024 places: a quarter of them is kept.
func (s *Supervisor) admitsStrangers() bool {
	return s.MaxSessions < fewSessions || s.unproved < s.MaxSessions-s.MaxSessions/4
}

// crowded says whether so many sessions are unproved that it looks like a flood.
// Then they have to prove themselves at once, and get the last idle worker no more.
func (s *Supervisor) crowded() bool {
	return s.MaxSessions >= fewSessions && s.unproved >= s.MaxSessions/2
}

// shedAfter is how long a stranger may say nothing while others wait for its place.
const shedAfter = 5 * time.Second

// shed ends a stranger's session that is not worth its place any more. Nobody is
// told: there may be nobody.
func (s *Supervisor) shed(now time.Time, sess *session) {
	if sess.stranger && now.Sub(sess.handed) >= shedAfter && !s.admitsStrangers() && s.queue.lines[strangers].len() > 0 {
		s.endSession(now, sess, TimedOut)
	}
}

// prove notes that a session's client has acknowledged something. On a single port
// that proves nothing about its address, only that somebody cares.
func (s *Supervisor) prove(now time.Time, sess *session) {
	if sess.proved {
		return
	}
	sess.proved = true
	s.acquit(sess)
	if !s.SinglePort {
		s.queue.meet(now, sess.source())
	}
}

// acquit counts a session no longer as a stranger's.
func (s *Supervisor) acquit(sess *session) {
	if sess.stranger && !sess.handed.IsZero() {
		sess.stranger = false
		s.unproved--
	}
}
