package supervisor

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"brood/ipc"
	"brood/ipc/launch"
)

// pool holds the workers. Those of one state are found without a search.
type pool struct {
	all      map[uint32]*worker
	busy     map[uint32]*worker
	idle     []*worker // the last one is taken first: its pages are still in the caches
	starting int       // asked of the starter and not yet ready
	ordered  int       // of these, not yet come from there
	lastID   uint32
	demand   demand

	backoff   time.Duration // between starts, while they fail
	startAt   time.Time     // not before
	atOnce    int           // starts that may be under way together; few while they fail
	most      int           // of them when they don't
	wave      uint64        // of starts; a failure begins the next one
	short     bool          // of a resource, at the last start: what a worker gives back may do
	holdUntil time.Time     // no jobs are handed out before
	usual     int64         // what workers that end well have of memory at most, in KiB; 0: not known
	fit       int           // workers that there is memory for, until fitUntil
	fitUntil  time.Time
}

// Bounds of the pause between starts that fail. For want of a resource it is the
// shorter one: who waits is stale after staleAfter, and others than workers may
// give some back, of which nobody tells.
const (
	minBackoff      = 100 * time.Millisecond
	maxBackoff      = 10 * time.Second
	maxShortBackoff = time.Second
)

// readyWithin is how long a handler's constructor may take.
const readyWithin = 30 * time.Second

// maxStarting bounds how many starts are under way: enough to keep every CPU busy,
// and no more, so that those that run a session get the CPU between them.
var maxStarting = max(4, 2*cpus())

func newPool(most int) pool {
	return pool{all: make(map[uint32]*worker), busy: make(map[uint32]*worker), atOnce: most, most: most}
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
// something that a worker which ended has just given back. The pause after it
// is what it was if that start fails, too.
func (p *pool) relieved() {
	if p.short {
		p.short, p.startAt = false, time.Time{}
		p.backoff /= 2
	}
}

// fitFor is how long there are no more workers than there was memory for.
const fitFor = time.Minute

// confine is for when the kernel has ended a worker because all together had too much: there
// are to be no more than are left, and an eighth less, as they do not always have the same.
// One that is started nevertheless would cost another one its session, and that one's client
// is told of an error; who waits for a worker asks again.
// Those that are stuck are of no use, and give nothing back.
func (p *pool) confine(now time.Time, stuck int) {
	left := p.alive()
	left = max(left-left/8, stuck+1)
	if now.Before(p.fitUntil) {
		left = min(left, p.fit)
	}
	p.fit, p.fitUntil = left, now.Add(fitFor)
}

// fits says whether there is memory for one more, as far as is known.
func (p *pool) fits(now time.Time) bool { return !now.Before(p.fitUntil) || p.alive() < p.fit }

// alive is how many there are, with those that have been asked for and those that are on
// their way out.
func (p *pool) alive() int { return len(p.all) + p.ordered }

// failed slows starts down, and lets them be tried one at a time: many at once
// compete for what is short, with the workers that are up as well. Starts that
// were ordered before the last failure count with it.
func (p *pool) failed(now time.Time, wave uint64, short bool) {
	p.atOnce = 1
	if wave < p.wave {
		return
	}
	p.wave++
	p.short = short
	most := maxBackoff
	if short {
		most = maxShortBackoff
	}
	p.backoff = min(max(2*p.backoff, minBackoff), most)
	p.startAt = now.Add(p.backoff)
}

// succeeded lets starts come faster again.
func (p *pool) succeeded() {
	p.backoff = 0
	p.atOnce = min(2*p.atOnce, p.most)
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
	waiting := s.queue.eligible(s.strangersRoom(now), max(s.MaxSessions-len(s.pool.busy), 0), s.room)
	if now.Before(s.pool.holdUntil) {
		// It is not workers that these requests wait for. A new one would be
		// dismissed at once for one too many, and the next one started.
		waiting = 0
	}
	if waiting > 0 {
		waiting += s.kept()
	}
	wanted := s.target() + waiting
	if s.phase == opening {
		wanted = 1
	}
	for len(s.pool.idle)+s.pool.starting < wanted && s.pool.starting < s.pool.atOnce && s.pool.fits(now) {
		s.pool.starting++
		s.pool.ordered++
		wave := s.pool.wave
		gen := s.gen
		gen.starter.start(func(c launch.Child, err error) { s.startedWorker(c, wave, gen, err) })
	}
}

// startedWorker takes over what the starter made.
func (s *Supervisor) startedWorker(c launch.Child, wave uint64, gen *generation, err error) {
	s.pool.ordered--
	now := time.Now()
	w := &worker{Child: c, wave: wave, gen: gen, proof: gen == s.candidate, patience: now.Add(readyWithin)}
	w.outdated = gen != s.gen && !w.proof // it was ordered before a reload
	if err != nil {
		s.notReady(now, w, exhausted(err), err.Error())
		return
	}
	s.expose(now, c.PID)
	s.counters.WorkersStarted++
	s.pool.lastID++
	w.id = s.pool.lastID
	for _, in := range []struct {
		fd  int
		tag uint32
	}{{w.Stats, tagStats}, {w.Stderr, tagStderr}, {w.PIDFD, tagExit}} {
		if err := s.watch(in.fd, in.tag, w.id); err != nil {
			s.notReady(now, w, true, err.Error())
			s.unheard(now, w)
			return
		}
	}
	if w.Helper >= 0 {
		if err := s.watch(w.Helper, tagKnock, w.id); err != nil {
			s.grumble(now, "a worker can't ask its helper", "worker", w.PID, "error", err.Error())
		}
	}
	s.pool.all[w.id] = w
	s.at(w.patience)
	if s.phase > serving {
		s.dismiss(now, w)
	}
}

// unheardEvery is how often the loop looks for the end of a worker whose pidfd it
// does not watch.
const unheardEvery = 100 * time.Millisecond

// unheard ends a worker that can't be watched. No event will tell of its end, so
// ticks look for it: to wait here would be to wait for the kernel, on the loop.
func (s *Supervisor) unheard(now time.Time, w *worker) {
	for _, fd := range []int{w.Stats, w.Stderr, w.PIDFD} {
		s.unwatch(fd)
	}
	s.pool.all[w.id] = w
	w.state, w.unheard = leaving, true
	w.kill(now)
	s.at(now.Add(unheardEvery))
}

// notReady is for a start that came to nothing: the server's, or a reload's.
func (s *Supervisor) notReady(now time.Time, w *worker, short bool, why string) {
	if short {
		why = s.crowded(now, why)
	}
	if !w.proof {
		s.startFailed(now, w.wave, short, why)
		return
	}
	w.proof = false
	s.pool.starting--
	s.reject(w.gen, why)
}

// startFailed counts one start that came to nothing, and slows the next down.
func (s *Supervisor) startFailed(now time.Time, wave uint64, short bool, why string) {
	s.pool.starting--
	s.counters.WorkerFailures++
	if s.phase == opening {
		s.fatal = &StartError{why}
		s.hurry(now)
		return
	}
	s.pool.failed(now, wave, short)
	s.at(s.pool.startAt)
	s.grumble(now, "a worker did not start", "error", why, "next-try", s.pool.backoff.String())
}

// StartError says why the first worker did not come up.
type StartError struct{ Why string }

func (e *StartError) Error() string { return e.Why }

// ready is a worker that has read its configuration.
func (s *Supervisor) ready(now time.Time, w *worker) {
	if s.phase > serving || w.asked > notAsked || w.outdated {
		s.dismiss(now, w) // too late, for the server or by its own fault: a signal is on its way to it
		return
	}
	if w.proof {
		w.proof = false
		s.accept(now, w.gen)
	}
	s.pool.starting--
	s.pool.succeeded()
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
	if w.proof {
		w.proof = false
		s.reject(w.gen, "the server is not serving any more")
	}
	s.pool.removeIdle(w)
	w.state, w.asked, w.returning = leaving, askedNicely, false
	w.patience = now.Add(grace)
	s.at(w.patience)
	ipc.CloseFD(w.Control)
	w.Control = -1
}

// threadless says whether a worker died because its runtime could not get a thread
// or memory: what it printed is the only trace of that.
func threadless(said string) bool {
	return strings.Contains(said, "failed to create new OS thread") ||
		strings.Contains(said, "pthread_create failed") || strings.Contains(said, "out of memory")
}

// exited says what the end of a worker without a session means.
func (s *Supervisor) exited(now time.Time, w *worker, exit ipc.Exit, starved bool, said string) {
	how := s.endOf(exit, starved)
	switch {
	case w.state == starting:
		why := "a worker ended before it was ready: " + how
		switch {
		case w.violated != "":
			why = "a worker broke its contract: " + w.violated
		case w.asked > notAsked:
			why = fmt.Sprintf("a worker was not ready within %v; does its handler's constructor hang?", readyWithin)
		case said != "":
			why = said
		}
		s.notReady(now, w, starved || threadless(said), why)
	case w.state == idle:
		s.pool.removeIdle(w)
		s.counters.WorkerFailures++
		s.grumble(now, "an idle worker died", "worker", w.PID, "exit", how, "stack", said)
	case exit.Signal == 0 && exit.Code == ipc.ExitUnclean && !w.last:
		s.report.logf(hclog.Debug, "a worker is not used again", "worker", w.PID, "exit", exit.String(), "why", said)
	case exit.Signal != 0 && w.asked < askedTerm, exit.Signal == 0 && exit.Code != ipc.ExitOK && exit.Code != ipc.ExitOpen:
		s.counters.WorkerFailures++
		s.report.logf(hclog.Warn, "a worker ended badly after its session", "worker", w.PID, "exit", how, "stack", said)
	default:
		s.alive(w, said)
	}
}
