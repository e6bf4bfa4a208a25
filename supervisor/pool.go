package supervisor

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"brood/ipc"
)

// pool holds the workers. Those of one state are found without a search.
type pool struct {
	all      map[uint32]*worker
	busy     map[uint32]*worker
	idle     []*worker // the last one is taken first: its pages are still in the caches
	starting int       // asked of the starter and not yet ready
	lastID   uint32
	demand   demand

	backoff   time.Duration // between starts, while they fail
	startAt   time.Time     // not before
	short     bool          // of a resource, at the last start: what a worker gives back may do
	holdUntil time.Time     // no jobs are handed out before
}

// Bounds of the pause between starts that fail.
const (
	minBackoff = 100 * time.Millisecond
	maxBackoff = 10 * time.Second
)

// readyWithin is how long a handler's constructor may take.
const readyWithin = 30 * time.Second

// maxStarting bounds how many starts are under way, so that the workers that are
// up get the CPU before more of them come.
const maxStarting = 32

func newPool() pool {
	return pool{all: make(map[uint32]*worker), busy: make(map[uint32]*worker)}
}

func (p *pool) takeIdle() *worker {
	w := p.idle[len(p.idle)-1]
	p.idle[len(p.idle)-1] = nil
	p.idle = p.idle[:len(p.idle)-1]
	return w
}

func (p *pool) removeIdle(w *worker) {
	for i, other := range p.idle {
		if other == w {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			return
		}
	}
}

// relieved lets the next start be tried at once, if one failed for want of
// something that a worker which ended has just given back.
func (p *pool) relieved() {
	if p.short {
		p.short, p.startAt = false, time.Time{}
	}
}

// failed slows starts down. Those that were under way together fail together,
// and count once.
func (p *pool) failed(now time.Time) {
	if now.Before(p.startAt) {
		return
	}
	p.backoff = min(max(2*p.backoff, minBackoff), maxBackoff)
	p.startAt = now.Add(p.backoff)
}

// retryAt is when the pool wants to be looked at again.
func (p *pool) retryAt(now time.Time) time.Time {
	if p.startAt.After(now) {
		return p.startAt
	}
	return now.Add(maxSleep)
}

// refill asks for as many workers as are short of the target and of those who wait.
func (s *Supervisor) refill(now time.Time) {
	if s.phase > serving || now.Before(s.pool.startAt) {
		return
	}
	waiting := min(s.queue.len(), max(s.MaxSessions-len(s.pool.busy), 0))
	if now.Before(s.pool.holdUntil) {
		// It is not workers that these requests wait for. A new one would be
		// dismissed at once for one too many, and the next one started.
		waiting = 0
	}
	wanted := s.target() + waiting
	if s.phase == opening {
		wanted = 1
	}
	for len(s.pool.idle)+s.pool.starting < wanted && s.pool.starting < maxStarting {
		s.pool.starting++
		s.starter.start(s.startedWorker)
	}
}

// startedWorker takes over what the starter made.
func (s *Supervisor) startedWorker(c child, err error) {
	now := time.Now()
	if err != nil {
		s.startFailed(now, err.Error())
		s.pool.short = exhausted(err)
		return
	}
	s.counters.WorkersStarted++
	s.pool.lastID++
	w := &worker{child: c, id: s.pool.lastID, patience: now.Add(readyWithin)}
	for _, in := range []struct {
		fd  int
		tag uint32
	}{{w.stats, tagStats}, {w.stderr, tagStderr}, {w.pidfd, tagExit}} {
		if err := s.watch(in.fd, in.tag, w.id); err != nil {
			ipc.Kill(w.pidfd, unix.SIGKILL)
			unix.Wait4(w.pid, nil, 0, nil) // no event will tell; it has been killed, so this is short
			w.close()
			s.startFailed(now, err.Error())
			return
		}
	}
	s.pool.all[w.id] = w
	s.at(w.patience)
	if s.phase > serving {
		s.dismiss(now, w)
	}
}

// startFailed counts one start that came to nothing, and slows the next down.
func (s *Supervisor) startFailed(now time.Time, why string) {
	s.pool.starting--
	s.counters.WorkerFailures++
	if s.phase == opening {
		s.fatal = &StartError{why}
		s.hurry()
		return
	}
	s.pool.failed(now)
	s.at(s.pool.startAt)
	s.grumble(now, "a worker did not start", "error", why, "next-try", s.pool.backoff.String())
}

// StartError says why the first worker did not come up.
type StartError struct{ Why string }

func (e *StartError) Error() string { return e.Why }

// ready is a worker that has read its configuration.
func (s *Supervisor) ready(now time.Time, w *worker) {
	if s.phase > serving || w.asked > notAsked {
		s.dismiss(now, w) // too late, for the server or by its own fault: a signal is on its way to it
		return
	}
	s.pool.starting--
	s.pool.backoff = 0
	s.rest(now, w)
	if s.phase == opening {
		s.open()
	}
	if s.SessionsPerWorker == 1 && len(s.pool.idle) > max(s.MaxIdle, 1) {
		s.dismiss(now, s.pool.takeIdle()) // who it was started for is served, or gone
	}
}

// rest puts a worker that waits for a job among the idle ones.
func (s *Supervisor) rest(now time.Time, w *worker) {
	w.state, w.patience = idle, time.Time{}
	for line := range strings.Lines(w.output.takeKept()) {
		s.said(w, strings.TrimSuffix(line, "\n"))
	}
	s.pool.idle = append(s.pool.idle, w)
	s.serveWaiting(now)
}

// dismiss lets a worker go that has no session: it sees the end of its control
// socket and exits.
func (s *Supervisor) dismiss(now time.Time, w *worker) {
	if w.state == starting {
		s.pool.starting--
	}
	s.pool.removeIdle(w)
	w.state, w.asked, w.returning = leaving, askedNicely, false
	w.patience = now.Add(grace)
	s.at(w.patience)
	closeFD(w.control)
	w.control = -1
}

// exited says what the end of a worker without a session means.
func (s *Supervisor) exited(now time.Time, w *worker, exit ipc.Exit, said string) {
	switch {
	case w.state == starting:
		why := "a worker ended before it was ready: " + exit.String()
		switch {
		case w.violated != "":
			why = "a worker broke its contract: " + w.violated
		case w.asked > notAsked:
			why = fmt.Sprintf("a worker was not ready within %v; does its handler's constructor hang?", readyWithin)
		case said != "":
			why = said
		}
		s.startFailed(now, why)
	case w.state == idle:
		s.pool.removeIdle(w)
		s.counters.WorkerFailures++
		s.grumble(now, "an idle worker died", "worker", w.pid, "exit", exit.String(), "stack", said)
	case exit.Signal == 0 && exit.Code == ipc.ExitUnclean && !w.last:
		s.report.logf(hclog.Debug, "a worker is not used again", "worker", w.pid, "exit", exit.String(), "why", said)
	case exit.Signal != 0 && w.asked < askedTerm, exit.Signal == 0 && exit.Code != ipc.ExitOK && exit.Code != ipc.ExitOpen:
		s.counters.WorkerFailures++
		s.report.logf(hclog.Warn, "a worker ended badly after its session", "worker", w.pid, "exit", exit.String(), "stack", said)
	}
}
