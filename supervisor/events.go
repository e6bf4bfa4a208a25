package supervisor

import (
	"time"

	"brood/ipc/admin"
)

// tellSession tells operators who watch of a session that lives.
func (s *Supervisor) tellSession(now time.Time, kind admin.EventKind, sess *session) {
	if !s.desk.Watched() {
		return
	}
	g := sight(sess)
	s.desk.Publish(kind == admin.EventProgress, func() *admin.Event {
		return &admin.Event{Event: kind, Time: now, Session: g.session(now)}
	})
}

// tellEnded remembers a session that has ended, and tells operators who watch. One
// that is not logged, because it is one of many that may have been made up, is not
// remembered either, and told of only if it has begun.
func (s *Supervisor) tellEnded(now time.Time, id uint64, r SessionStats, logged bool) {
	if s.desk == nil || !logged && !s.desk.Watched() {
		return
	}
	p := &past{id, r}
	p.Stack, p.Options = "", nil // they may be long
	if logged {
		s.history.add(p)
	}
	if logged || r.WorkerPID != 0 {
		s.desk.Publish(false, func() *admin.Event {
			return &admin.Event{Event: admin.EventEnded, Time: now, Ended: p.ended()}
		})
	}
}

// leaveOperators tells operators why they are left, and leaves them. It takes a
// second at most.
func (s *Supervisor) leaveOperators(reason string) {
	if s.desk == nil {
		return
	}
	now := time.Now()
	s.desk.Close(func() *admin.Event { return &admin.Event{Event: admin.EventGone, Time: now, Reason: reason} })
}
