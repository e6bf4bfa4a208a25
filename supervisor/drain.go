package supervisor

import (
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"
)

// phase is where a server is in its life. Each but serving has an end.
type phase uint8

const (
	opening  phase = iota // the first worker is starting, nobody is served yet
	serving               // requests are read
	draining              // the ports are closed, sessions run on
	asking                // sessions have been told to end; their workers get SIGTERM, then SIGKILL
)

// leftEvery is how often a drain says what is left.
const leftEvery = 5 * time.Second

// drain begins the end: no more requests, and as much time as Options give to
// those who are served.
func (s *Supervisor) drain(now time.Time) {
	if s.phase >= draining {
		return
	}
	s.phase, s.phaseEnd = draining, now.Add(s.DrainTimeout)
	if s.successor != nil {
		unix.Kill(s.successor.pid, unix.SIGKILL) // it is not to serve after our end
	}
	s.closeListeners()
	s.queue.empty(func(sess *session) {
		s.refuseWaiting(now, sess, &s.counters.Refused.Draining, "shutting down")
	})
	for len(s.pool.idle) > 0 {
		s.dismiss(now, s.pool.takeIdle())
	}
	for _, w := range s.pool.all {
		if w.state == starting || w.returning {
			s.dismiss(now, w)
		}
	}
	s.leftAt = now.Add(leftEvery)
	s.at(s.leftAt)
	s.at(s.phaseEnd)
	s.notify("STOPPING=1", s.status())
	s.report.logf(hclog.Info, "draining", "sessions", len(s.pool.busy), "at-most", s.DrainTimeout.String())
}

// hurry tells the sessions that still run to end.
func (s *Supervisor) hurry(now time.Time) {
	s.drain(now)
	if s.phase == asking {
		return
	}
	s.phase, s.phaseEnd = asking, now
	if len(s.pool.busy) > 0 {
		s.report.logf(hclog.Warn, "ending the sessions that are left", "sessions", len(s.pool.busy))
	}
	for _, w := range s.pool.busy {
		if w.session != nil {
			s.endSession(now, w.session, Drained)
		}
	}
}

// advance goes to the next phase when the time has come.
func (s *Supervisor) advance(now time.Time) {
	if s.phase != draining {
		return
	}
	if !now.Before(s.phaseEnd) {
		s.hurry(now)
		return
	}
	s.at(s.phaseEnd)
	if !now.Before(s.leftAt) {
		s.leftAt = now.Add(leftEvery)
		s.report.logf(hclog.Info, "still draining", "sessions", len(s.pool.busy), "at-most", s.phaseEnd.Sub(now).Round(time.Second).String())
		s.notify(s.status())
	}
	s.at(s.leftAt)
}

// finished says that nothing is left to wait for: every worker has been reaped,
// or can't be, and none is on its way.
func (s *Supervisor) finished() bool {
	return s.phase >= draining && len(s.pool.all) == s.stuck && s.pool.starting == 0 && s.dismissHelpers(time.Now())
}
