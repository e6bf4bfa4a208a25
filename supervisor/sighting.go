package supervisor

import (
	"time"

	"brood/ipc"
	"brood/ipc/admin"
	"brood/protocol"
)

// sighting is a session as it was at one moment, for other goroutines: what it points
// to is the loop's, but for texts.
type sighting struct {
	seen   session
	worker int // its pid
}

func sight(sess *session) sighting {
	g := sighting{seen: *sess}
	if sess.worker != nil {
		g.worker = sess.worker.PID
	}
	return g
}

// maxWaitingSeen bounds the requests that wait among those that are seen: a flood may
// have left many.
const maxWaitingSeen = 1024

// atOnce is how many sessions the loop looks at before it does something else.
const atOnce = 64

// present returns the sessions that run, and of those that wait the first. They are
// the loop's to look at.
func (s *Supervisor) present() []*session {
	all := make([]*session, 0, len(s.pool.busy)+min(s.queue.len(), maxWaitingSeen))
	for _, w := range s.pool.busy {
		if w.session != nil {
			all = append(all, w.session)
		}
	}
	waiting := 0
	for i := range s.queue.lines {
		s.queue.lines[i].each(func(sess *session) {
			if waiting++; waiting <= maxWaitingSeen {
				all = append(all, sess)
			}
		})
	}
	return all
}

// see looks at sessions, as far as they have not ended.
func see(some []*session) []sighting {
	seen := make([]sighting, 0, len(some))
	for _, sess := range some {
		if !sess.over {
			seen = append(seen, sight(sess))
		}
	}
	return seen
}

// session is what operators are told.
func (g *sighting) session(now time.Time) *admin.Session {
	sess := &g.seen
	said := &admin.Session{
		ID:              sess.id,
		Peer:            sess.with.peer.String(),
		Local:           sess.with.local.String(),
		MAC:             sess.mac,
		File:            protocol.Printable(sess.request.File),
		Mode:            sess.request.Mode.String(),
		State:           "waiting",
		Worker:          g.worker,
		Age:             now.Sub(sess.received).Seconds(),
		Waited:          now.Sub(sess.received).Seconds(),
		Blksize:         int(sess.last.Blksize),
		Windowsize:      int(sess.last.Windowsize),
		Size:            sess.last.Size,
		Bytes:           sess.last.Bytes,
		Packets:         sess.last.Packets,
		Retransmissions: sess.last.Retransmissions,
		Rate:            sess.speed.now(now),
		RoundTrip:       sess.last.RoundTrip.Seconds(),
	}
	if !sess.handed.IsZero() {
		said.State, said.Local = "serving", sess.local.String()
		said.Waited, said.Silence = sess.handed.Sub(sess.received).Seconds(), now.Sub(sess.moved).Seconds()
	}
	if sess.ending != ipc.OutcomeNone {
		said.State = "ending"
	}
	return said
}

// speed is what a session gets across of late. Its zero value is of one that has not
// begun.
type speed struct {
	at        time.Time // of the last report that counted
	bytes     uint64
	perSecond float64
}

// A rate is over so much at least, and means nothing when the last report is older:
// workers report each second as long as packets come and go.
const (
	speedOver  = 500 * time.Millisecond
	speedStale = 3 * time.Second
)

// begin is when the session is given to a worker.
func (v *speed) begin(now time.Time) { *v = speed{at: now} }

func (v *speed) note(now time.Time, bytes uint64) {
	if d := now.Sub(v.at); d >= speedOver {
		*v = speed{now, bytes, float64(bytes-v.bytes) / d.Seconds()}
	}
}

func (v *speed) now(now time.Time) float64 {
	if now.Sub(v.at) > speedStale {
		return 0
	}
	return v.perSecond
}
