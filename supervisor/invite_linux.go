package supervisor

import (
	"time"

	"brood/ipc"
)

// inviteAgain is when a helper that does not listen is told once more of a worker.
const inviteAgain = 100 * time.Millisecond

// knock is for the first thing that a worker has to say to its helper: from now on
// the two talk to each other.
func (s *Supervisor) knock(now time.Time, w *worker) {
	s.unwatch(w.Helper)
	if ipc.Knocked(w.Helper) { // or it has just ended
		w.knocked = true
		s.invite(now, w)
	}
}

// invite tells the helper of a worker. If there is no helper now, or it does not
// listen, the worker waits, and what it has said does.
func (s *Supervisor) invite(now time.Time, w *worker) {
	for _, h := range s.helpers {
		if !h.Workers || !h.running || h.Control < 0 || w.guest == h.id {
			continue
		}
		if err := ipc.Say(h.Control, ipc.WordWorker, w.Helper); err != nil {
			s.grumble(now, "a helper does not listen: sessions that need it wait", "helper", h.Name, "error", err.Error())
			s.uninvited = true
			s.at(now.Add(inviteAgain))
			return
		}
		w.guest = h.id
	}
}

// inviteAll is for a new helper, and for one that listens again.
func (s *Supervisor) inviteAll(now time.Time) {
	s.uninvited = false
	for _, w := range s.pool.all {
		if w.knocked {
			s.invite(now, w)
		}
		if s.uninvited {
			return // the others would be told as little
		}
	}
}
