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

// empty takes every session out, as the lines take turns.
func (e *entrance) empty(take func(*session)) {
	anybody := func(netip.Addr) int { return 1 }
	for e.len() > 0 {
		take(e.pop(true, anybody))
	}
}

// eligible is queue.eligible for both lines, with so many strangers at most.
func (e *entrance) eligible(strange, enough int, room func(source netip.Addr) int) int {
	n := e.lines[acquaintances].eligible(enough, room)
	if strange = min(strange, enough-n); strange > 0 {
		n += e.lines[strangers].eligible(strange, room)
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

// dropStale removes sessions whose clients have given up, so many at most. It says
// whether there may be more.
func (e *entrance) dropStale(now time.Time, most int, drop func(*session)) (more bool) {
	for i := range e.lines {
		most -= e.lines[i].dropStale(now, most, drop)
	}
	return most == 0
}

// fewSessions is when MaxSessions is too small to keep places for anybody.
const fewSessions = 16

// credit is what strangers may cost. A session that was answered and has not said
// anything takes one, and gives it back, and another, when its client acknowledges
// something: in a storm of machines that boot it never ends, and a flood whose
// answers nobody hears starts only what comes back by itself, the usual amount in
// half of shedAfter.
type credit struct {
	bucket
	usual float64
}

// newCredit makes it as large as the CPUs can start workers for without a pause
// that anybody notices.
func newCredit(maxSessions, cpus int) credit {
	return credit{usual: float64(min(4*cpus, max(4, maxSessions/4)))}
}

// What was earned beyond the usual is lost within a second.
const mostCredit = 4

func (c *credit) now(now time.Time) float64 {
	if most := mostCredit * c.usual; c.left > c.usual {
		c.left = max(c.usual, c.left-most*now.Sub(c.at).Seconds())
		c.at = now
		return c.left
	}
	return c.fill(now, c.perSecond(), c.usual)
}

func (c *credit) perSecond() float64 { return 2 * c.usual / shedAfter.Seconds() }

// due is when there will be enough for one session more.
func (c *credit) due(now time.Time) time.Time {
	short := max(1-c.now(now), 0)
	return now.Add(time.Duration(short / c.perSecond() * float64(time.Second)))
}

func (c *credit) spend(now time.Time) { c.left = max(c.now(now)-1, -c.usual) }
func (c *credit) earn(now time.Time)  { c.left = min(c.now(now)+2, mostCredit*c.usual) }

// strangersRoom is how many sessions more may begin whose source is not known. A
// quarter of all places is kept from those that have acknowledged nothing: at one
// minute each, 17 made up addresses a second would be enough to hold 1024.
func (s *Supervisor) strangersRoom(now time.Time) int {
	if s.MaxSessions < fewSessions {
		return s.MaxSessions
	}
	return max(0, min(s.MaxSessions-s.MaxSessions/4-s.unproved, int(s.credit.now(now))))
}

// kept is how many idle workers are not for strangers once several of those are
// being served: who is known finds one, and the CPU's attention, at once.
func (s *Supervisor) kept() int {
	if s.MaxSessions < fewSessions || s.unproved < fewStrangers {
		return 0
	}
	return min(max(1, s.target()/2), cpus())
}

const fewStrangers = 4

// shedAfter is how long a stranger may leave its answer unacknowledged while others
// wait for its place.
const shedAfter = 5 * time.Second

// shed ends a stranger's session that is not worth its place any more. Nobody is
// told: there may be nobody.
func (s *Supervisor) shed(now time.Time, sess *session) {
	if sess.silent(now) >= shedAfter && s.strangersRoom(now) == 0 && s.queue.lines[strangers].len() > 0 {
		s.endSession(now, sess, TimedOut)
	}
}

// silent is for how long a stranger has not acknowledged its answer.
func (s *session) silent(now time.Time) time.Duration {
	if !s.stranger || s.answered.IsZero() {
		return 0
	}
	return now.Sub(s.answered)
}

// answer notes that a session has sent its first packet.
func (s *Supervisor) answer(now time.Time, sess *session) {
	if sess.stranger && sess.answered.IsZero() {
		sess.answered = now
		s.credit.spend(now)
	}
}

// prove notes that a session's client has acknowledged something. On a single port
// that proves nothing about its address, only that somebody cares.
func (s *Supervisor) prove(now time.Time, sess *session) {
	if sess.proved {
		return
	}
	sess.proved = true
	if sess.stranger && !sess.answered.IsZero() {
		s.credit.earn(now)
	}
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
