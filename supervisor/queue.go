package supervisor

import "time"

// staleAfter is how long a request is kept for a client that does not repeat it.
// Clients repeat after one to five seconds; one that has not is gone, or has
// another port by now, and serving it would cost those who wait.
const staleAfter = 6 * time.Second

// queue holds the sessions that wait for a worker, oldest first.
type queue struct {
	waiting []*session
}

func (q *queue) len() int { return len(q.waiting) }

func (q *queue) push(s *session) { q.waiting = append(q.waiting, s) }

func (q *queue) pop() *session {
	s := q.waiting[0]
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	if len(q.waiting) == 0 {
		q.waiting = nil // a storm's memory goes with it
	}
	return s
}

// unpop puts back what could not be served yet.
func (q *queue) unpop(s *session) {
	q.waiting = append([]*session{s}, q.waiting...)
}

// dropStale removes the sessions whose clients have given up.
func (q *queue) dropStale(now time.Time, drop func(*session)) {
	kept := q.waiting[:0]
	for _, s := range q.waiting {
		if now.Sub(s.seen) > staleAfter {
			drop(s)
		} else {
			kept = append(kept, s)
		}
	}
	clear(q.waiting[len(kept):])
	q.waiting = kept
}
