package supervisor

import (
	"net/netip"
	"slices"
	"time"
)

// staleAfter is how long a request is kept for a client that does not repeat it.
// Clients repeat after one to five seconds; one that has not is gone, or has
// another port by now, and serving it would cost those who wait. Some wait twice
// as long each time: a request that was repeated is kept for two and a half times
// the gap between its repetitions, as far as maxStaleAfter.
const (
	staleAfter    = 6 * time.Second
	maxStaleAfter = time.Minute
)

// queue holds the sessions that wait for a worker. Each source address has a lane
// of its own, oldest first, and the lanes take turns: whoever asks a thousand
// times waits for himself, not others for him.
type queue struct {
	lanes map[netip.Addr]*lane
	turns []*lane // the next one first; a lane in it is not empty
	n     int
	// fattest is the lane that was the longest when it last grew; nil: none.
	fattest *lane
}

type lane struct {
	source  netip.Addr
	waiting []*session
}

func (q *queue) len() int { return q.n }

func (q *queue) push(s *session) {
	l := q.lane(s.source())
	l.waiting = append(l.waiting, s)
	if len(l.waiting) == 1 {
		q.turns = append(q.turns, l)
	}
	q.n++
	if q.fattest == nil || len(l.waiting) > len(q.fattest.waiting) {
		q.fattest = l
	}
}

func (q *queue) lane(source netip.Addr) *lane {
	l := q.lanes[source]
	if l == nil {
		l = &lane{source: source}
		if q.lanes == nil {
			q.lanes = make(map[netip.Addr]*lane)
		}
		q.lanes[source] = l
	}
	return l
}

// has says whether requests of this source wait.
func (q *queue) has(source netip.Addr) bool { return q.lanes[source] != nil }

// pop returns the oldest session of the source whose turn it is, among those that
// room has some for; nil if there is none.
func (q *queue) pop(room func(source netip.Addr) int) *session {
	for range len(q.turns) {
		l := q.turns[0]
		q.turns[0] = nil
		q.turns = q.turns[1:]
		if room(l.source) <= 0 {
			q.turns = append(q.turns, l)
			continue
		}
		s := l.waiting[0]
		l.waiting[0] = nil
		l.waiting = l.waiting[1:]
		if len(l.waiting) > 0 {
			q.turns = append(q.turns, l)
		}
		q.left(l, 1)
		return s
	}
	return nil
}

// unpop puts back what could not be served yet: it is its source's turn still.
func (q *queue) unpop(s *session) {
	l := q.lane(s.source())
	l.waiting = slices.Insert(l.waiting, 0, s)
	if at := slices.Index(q.turns, l); at >= 0 {
		q.turns = slices.Delete(q.turns, at, at+1)
	}
	q.turns = slices.Insert(q.turns, 0, l)
	q.n++
}

// left forgets a lane that has become empty. A storm's memory goes with it.
func (q *queue) left(l *lane, n int) {
	q.n -= n
	if len(l.waiting) > 0 {
		return
	}
	delete(q.lanes, l.source)
	if q.fattest == l {
		q.fattest = nil
	}
	if q.n == 0 {
		q.turns = nil
	}
}

// displace removes and returns the latest session of the longest lane, so that a
// source with none waiting gets a place; nil: every source has one place at most,
// as far as is known.
func (q *queue) displace() *session {
	l := q.fattest
	if l == nil || len(l.waiting) < 2 {
		return nil
	}
	last := len(l.waiting) - 1
	s := l.waiting[last]
	l.waiting[last] = nil
	l.waiting = l.waiting[:last]
	q.n--
	return s
}

// longest is the length of the longest lane, as far as is known.
func (q *queue) longest() int {
	if q.fattest == nil {
		return 0
	}
	return len(q.fattest.waiting)
}

// last removes and returns the latest session of the lane whose turn comes last.
func (q *queue) last() *session {
	end := len(q.turns) - 1
	if end < 0 {
		return nil
	}
	l := q.turns[end]
	n := len(l.waiting) - 1
	s := l.waiting[n]
	l.waiting[n] = nil
	l.waiting = l.waiting[:n]
	if n == 0 {
		q.turns[end] = nil
		q.turns = q.turns[:end]
	}
	q.left(l, 1)
	return s
}

// each visits the waiting sessions, of each source the oldest first.
func (q *queue) each(visit func(*session)) {
	for _, l := range q.turns {
		for _, s := range l.waiting {
			visit(s)
		}
	}
}

// eligible is how many waiting sessions room has some for, or enough if there are
// more than that.
func (q *queue) eligible(enough int, room func(source netip.Addr) int) (n int) {
	for _, l := range q.turns {
		if n += max(min(len(l.waiting), room(l.source)), 0); n >= enough {
			return enough
		}
	}
	return n
}

// dropStale removes sessions whose clients have given up, so many at most, and
// looks anew for the longest lane.
func (q *queue) dropStale(now time.Time, most int, drop func(*session)) (dropped int) {
	q.fattest = nil
	turns := q.turns[:0]
	for _, l := range q.turns {
		before := len(l.waiting)
		l.waiting = slices.DeleteFunc(l.waiting, func(s *session) bool {
			stale := dropped < most && s.stale(now)
			if stale {
				dropped++
				drop(s)
			}
			return stale
		})
		q.left(l, before-len(l.waiting))
		if len(l.waiting) == 0 {
			continue
		}
		turns = append(turns, l)
		if q.fattest == nil || len(l.waiting) > len(q.fattest.waiting) {
			q.fattest = l
		}
	}
	if q.n > 0 {
		clear(q.turns[len(turns):])
		q.turns = turns
	}
	return dropped
}
