package supervisor

import (
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/launch"
)

// worker states, in the order of a life.
type state uint8

const (
	starting state = iota // executed, not yet configured
	idle                  // waiting for a job
	busy                  // serving a session
	leaving               // has done its work, or is being put an end to; may come back, see worker.returning
)

// worker is a child process as the loop sees it.
type worker struct {
	launch.Child
	id      uint32
	gen     *generation
	proof   bool   // the first one of a generation that is not in force yet
	wave    uint64 // of starts, in which it was ordered; see pool
	state   state
	session *session // while busy; and until reaped, if it died with it

	served    int       // sessions that it was given
	since     time.Time // when the first of them was
	last      bool      // no other session comes after this one
	outdated  bool      // its paths lead elsewhere by now
	returning bool      // leaving, and idle again when it says that it is ready
	unheard   bool      // not in the epoll set; see Supervisor.unheard

	heard       time.Time // its last word, while busy
	frames      ipc.FrameReader
	frameTokens bucket
	output      output

	// patience ends for a worker that was asked to leave; then it gets the next
	// stronger signal. Zero while nothing was asked.
	patience time.Time
	asked    ask
	killed   time.Time // when it first got SIGKILL
	stuck    bool      // that did not help; see Supervisor.abandon
	violated string    // what it did against the contract, if it did

	knocked bool   // it has something to ask the helper
	guest   uint32 // of the helper with this id; 0: not yet
}

// ask is how strongly a worker was told to leave.
type ask uint8

const (
	notAsked    ask = iota
	askedNicely     // its socket was shut down, or its control socket closed
	askedTerm
	askedKill
)

// maxAge is how long after its first session began a worker still begins another.
const maxAge = time.Hour

// lastFor says whether the next session of a worker is its last.
func (s *Supervisor) lastFor(now time.Time, w *worker) bool {
	return w.served+1 >= s.SessionsPerWorker || w.served > 0 && now.Sub(w.since) >= maxAge
}

// begin notes that a worker has been given a session. What bounds its frames and
// its output is for one session, however many it serves.
func (w *worker) begin(now time.Time, sess *session, last bool) {
	if w.served == 0 {
		w.since = now
	} else {
		w.frameTokens, w.output = bucket{}, output{}
	}
	w.served++
	w.last = last
	w.session, w.state, sess.moved = sess, busy, now
}

// reusable says whether a worker may serve again, now that a session of it has
// ended with a last word: only one that ended by itself counts as clean.
func (w *worker) reusable(now time.Time, f *ipc.Frame) bool {
	return !w.last && !w.outdated && now.Sub(w.since) < maxAge &&
		f.Outcome != ipc.OutcomeOpenTimeout && f.Outcome != ipc.OutcomeStopped &&
		w.session.ending == ipc.OutcomeNone && w.asked == notAsked &&
		!w.output.dying && !w.output.full()
}

// grace is what each degree of asking gets before the next.
const grace = time.Second

// press takes the next step towards a worker's end.
func (w *worker) press(now time.Time) {
	w.patience = now.Add(grace)
	before := w.asked
	if w.asked = before.stronger(w.PIDFD); w.asked == askedKill && before != askedKill {
		w.killed = now
	}
}

// stronger sends a process the next stronger signal.
func (a ask) stronger(pidfd int) ask {
	if a < askedTerm {
		ipc.Kill(pidfd, unix.SIGTERM)
		return askedTerm
	}
	ipc.Kill(pidfd, unix.SIGKILL)
	return askedKill
}

// kill ends a worker at once.
func (w *worker) kill(now time.Time) {
	w.asked = askedTerm
	w.press(now)
}

// stuckAfter is how long a worker may take to die of SIGKILL. Longer takes only one
// that waits in the kernel where no signal reaches it, such as for a file server.
const stuckAfter = 5 * time.Second

func (w *worker) overstays(now time.Time) bool {
	return w.asked == askedKill && !w.stuck && now.Sub(w.killed) >= stuckAfter
}

// abandon is for a worker that does not die. Its session ends now, and it keeps a
// place of MaxSessions until it does: who waits for the same is not to fill the
// machine. Nobody waits for it, also at the end.
func (s *Supervisor) abandon(now time.Time, w *worker) {
	w.stuck = true
	s.stuck++
	s.report.logf(hclog.Error, "a worker does not die of SIGKILL", append(s.about(w),
		"why", "it hangs in the kernel, as a file system that does not answer makes it; it keeps a place of MaxSessions until it ends")...)
	switch {
	case w.session != nil:
		s.bury(now, w, "does not die of SIGKILL", "", false)
	case w.state == starting:
		s.notReady(now, w, false, "a worker that was not ready in time does not die of SIGKILL")
	}
	s.pool.removeIdle(w)
	w.state = leaving
	s.pool.busy[w.id] = w
}

// How many frames a worker may send: twice what the contract allows, with a
// burst. Each costs the loop a little, and a flood of them would cost other
// clients. The burst is what a pipe holds: where this process stood still for a
// while (SIGSTOP, a debugger, swap) it is all read at once, and is no worker's
// fault.
const (
	frameBurst   = 256
	framesPerSec = 2 * (1 + ipc.MaxHandBacks)
)

// allowsFrame counts a frame of a worker, and says whether it is one too many.
func (w *worker) allowsFrame(now time.Time) bool {
	return w.frameTokens.take(now, framesPerSec, frameBurst)
}
