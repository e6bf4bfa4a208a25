package supervisor

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/admin"
	"brood/protocol"
)

// readFrames takes what one read of a stats pipe brings. One, because a worker
// that writes without end must not keep the loop to itself.
func (s *Supervisor) readFrames(now time.Time, w *worker) {
	n, err := unix.Read(w.Stats, s.statsBuf[:])
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return
	case err != nil || n == 0:
		// All writing ends are closed. The pidfd says the rest; a worker that only
		// closed its pipe goes on, and is missed when it ends without a last word.
		s.drop(&w.Stats)
		return
	}
	err = w.frames.Feed(s.statsBuf[:n], func(f ipc.Frame) {
		if w.violated == "" {
			s.frame(now, w, &f)
		}
	})
	if err != nil {
		s.violation(now, w, err.Error())
	}
}

// frame acts on one report. What it says must fit what the worker was asked:
// nothing else of a worker is believed.
func (s *Supervisor) frame(now time.Time, w *worker, f *ipc.Frame) {
	if !w.allowsFrame(now) {
		s.violation(now, w, "more frames than the contract allows")
		return
	}
	if f.Kind == ipc.KindReady {
		switch w.state {
		case starting:
			s.ready(now, w)
		case idle, busy:
			s.violation(now, w, "ready twice")
		case leaving:
			if w.returning {
				s.returned(now, w)
			}
		}
		return
	}
	sess := w.session
	if w.state != busy || f.Session != sess.id {
		s.violation(now, w, "a frame about no session of its own")
		return
	}
	if !plausible(&sess.last, f) {
		s.violation(now, w, "numbers that can't be")
		return
	}
	if f.Bytes > sess.last.Bytes || f.Kind == ipc.KindConfirmed {
		sess.moved = now
	}
	request := f.Request
	f.Request = ""
	sess.last = *f
	sess.speed.note(now, f.Bytes)
	if f.Kind == ipc.KindRequest {
		if !s.SinglePort {
			s.violation(now, w, "a request of its client's, without being asked")
			return
		}
		s.keep(sess, sess.with.peer, []byte(request), 0)
	}
	if sess.heard() {
		s.settle(sess)
	}
	if f.Packets > 0 {
		s.answer(now, sess)
	}
	if f.Kind == ipc.KindConfirmed || sess.heard() { // an ERROR proves an address, too
		s.prove(now, sess)
	}
	if f.Kind == ipc.KindConfirmed || f.Bytes > 0 { // a full pipe loses frames; a later one says it, too
		for older := sess.older; older != nil; older = older.older {
			s.endSession(now, older, Superseded)
		}
	}
	if f.Kind == ipc.KindProgress {
		s.tellSession(now, admin.EventProgress, sess)
	}
	if f.Kind == ipc.KindFinal {
		outcome := f.Outcome
		if outcome == ipc.OutcomeStopped {
			if outcome = sess.ending; outcome == ipc.OutcomeNone {
				s.violation(now, w, "stopped without being asked")
				return
			}
		}
		// What it said came first, and is about this session; the loop may come to it later.
		s.hearOut(w)
		if !w.last {
			s.alive(w, s.lastOf(w))
		}
		again := s.phase <= serving && w.reusable(now, f)
		s.finish(now, sess, outcome, "")
		w.session = nil
		s.leave(now, w, again)
	}
}

// mostPlausible is more than any session comes to, and so little that the sums of
// all of them never wrap.
const mostPlausible = 1 << 47

// plausible says whether a frame's numbers can follow those of the one before.
func plausible(before, f *ipc.Frame) bool {
	return f.Bytes >= before.Bytes && f.Packets >= before.Packets && f.Retransmissions >= before.Retransmissions &&
		f.Bytes <= mostPlausible && f.Packets <= mostPlausible && f.Retransmissions <= f.Packets
}

// violation puts an end to a worker that does not keep its contract. Its client
// is told when it is dead.
func (s *Supervisor) violation(now time.Time, w *worker, what string) {
	if w.violated != "" {
		return
	}
	w.violated = what
	s.unwatch(w.Stats)
	if w.state == idle || w.state == leaving {
		s.pool.removeIdle(w)
		w.state = leaving
		s.counters.WorkerFailures++
		s.grumble(now, "a worker without a session broke its contract", "worker", w.PID, "how", what)
	}
	w.kill(now)
	s.at(w.patience)
}

// leave is for a worker whose session is over. Soon it says that it is ready for
// another, or it exits by itself, or it is made to.
func (s *Supervisor) leave(now time.Time, w *worker, again bool) {
	delete(s.pool.busy, w.id)
	w.state, w.returning = leaving, again
	if w.asked == notAsked {
		w.asked = askedNicely
	}
	w.patience = now.Add(grace)
	s.at(w.patience)
	if !w.last && !again {
		ipc.CloseFD(w.Control) // it waits for a job
		w.Control = -1
	}
}

// returned is a worker that has found itself as it was before its first session.
func (s *Supervisor) returned(now time.Time, w *worker) {
	w.returning = false
	if w.outdated {
		s.dismiss(now, w)
		return
	}
	if w.asked > askedNicely {
		return // too late: a signal is on its way to it
	}
	w.asked = notAsked
	s.pool.demand.back()
	s.rest(now, w)
}

// endSession asks a running session to end. A superseded one does so without a
// word: its client is in another session and would take the ERROR for that one's.
// So does one that was given up: who has said nothing may not exist.
func (s *Supervisor) endSession(now time.Time, sess *session, why Outcome) {
	if sess.ending != ipc.OutcomeNone {
		return
	}
	sess.ending = why
	w := sess.worker
	if w == nil {
		return // it waits, and ends when its turn comes
	}
	how := unix.SHUT_RD
	if why == Superseded || why == TimedOut {
		how = unix.SHUT_RDWR
	}
	unix.Shutdown(sess.socket, how)
	if w.asked == notAsked {
		w.asked = askedNicely
		w.patience = now.Add(grace)
		s.at(w.patience)
	}
}

// watchdog ends a session that does not get on, or not to its end: a handler that
// does not return from Read, or a client that acknowledges nothing new and yet
// does not fall silent, would keep its place in MaxSessions for ever.
func (s *Supervisor) watchdog(now time.Time, sess *session) {
	s.shed(now, sess)
	switch {
	case s.StallTimeout > 0 && now.Sub(sess.moved) >= s.StallTimeout:
		s.endSession(now, sess, Stalled)
	case s.MaxSessionTime > 0 && now.Sub(sess.handed) >= s.MaxSessionTime:
		s.endSession(now, sess, Overdue)
	}
}

// readOutput takes what one read of a worker's standard error brings.
func (s *Supervisor) readOutput(now time.Time, w *worker) {
	if !w.output.take(w.Stderr, 1, func(line string) { s.said(w, line) }) {
		s.drop(&w.Stderr)
		return
	}
	if w.output.full() {
		s.unwatch(w.Stderr)
		s.violation(now, w, fmt.Sprintf("more than %d KiB of output", outputQuota>>10))
	}
}

// said logs a line of a worker's standard error. Before a worker is ready, for
// the first time or again, its output is kept instead: it says why the worker did
// not become so.
func (s *Supervisor) said(w *worker, line string) {
	if w.state == starting || w.returning {
		w.output.keep(line)
		return
	}
	s.report.logf(hclog.Warn, "a worker says", append(s.about(w), "line", protocol.Printable(line))...)
}

// lastOf returns what looks like a worker's last words, and logs what else it has
// said.
func (s *Supervisor) lastOf(w *worker) string {
	stack := w.output.last(func(line string) { s.said(w, line) })
	if w.output.cut > 0 {
		s.report.logf(hclog.Warn, "a worker said more than is logged", append(s.about(w), "lines", w.output.cut)...)
	}
	return stack
}

// alive logs what looked like a worker's last words and was not.
func (s *Supervisor) alive(w *worker, said string) {
	if said != "" {
		s.report.logf(hclog.Warn, "a worker says", append(s.about(w), "text", said)...)
	}
}

func (s *Supervisor) about(w *worker) []any {
	pairs := []any{"worker", w.PID}
	if w.session != nil {
		pairs = append(pairs, "peer", w.session.with.peer.String(), "file", protocol.Printable(w.session.request.File))
	}
	return pairs
}

// reap collects a worker that has ended, and speaks for it if it left a client behind.
func (s *Supervisor) reap(now time.Time, w *worker) {
	exit, done := collect(w.PID)
	if !done {
		return
	}
	s.readRest(now, w)
	s.gone(now, w, exit, s.lastOf(w))
	s.letGo(w)
}

// collect is ipc.Reap for a child that somebody else may have waited for: there is no
// status then, but there is an end.
func collect(pid int) (exit ipc.Exit, done bool) {
	exit, done, err := ipc.Reap(pid)
	if err != nil {
		return ipc.Exit{Code: -1}, true
	}
	return exit, done
}

// gone draws the consequences of a worker's end.
func (s *Supervisor) gone(now time.Time, w *worker, exit ipc.Exit, stack string) {
	gives := w.state != starting // one that was never ready gives back what its failure says is not enough
	delete(s.pool.all, w.id)
	if w.stuck {
		s.stuck--
	}
	delete(s.pool.busy, w.id)
	if exit.Signal == 0 && exit.Code == ipc.ExitOK && w.session == nil && w.served > 0 && w.violated == "" && w.gen == s.gen {
		s.pool.learn(exit.MaxRSS)
	}
	starved := s.starved(now, w, exit)
	victim := starved && s.asOthers(exit)
	if w.session != nil {
		s.bury(now, w, s.endOf(exit, starved), stack, victim)
	} else {
		s.exited(now, w, exit, starved, stack)
	}
	if victim {
		s.pool.confine(now, s.stuck)
		s.grumble(now, "there is no memory for more workers: requests wait", "workers", s.pool.fit, "for", fitFor.String())
	}
	if gives {
		s.pool.relieved()
	}
}

// letGo gives a worker's descriptors back.
func (s *Supervisor) letGo(w *worker) {
	for _, fd := range []*int{&w.Stats, &w.Stderr, &w.PIDFD, &w.Helper} {
		s.drop(fd)
	}
	w.Child.Close()
}

// drop closes a descriptor that is watched, if it is open. Closing it alone is not enough: a
// worker that is being started has a copy until its exec, and for as long epoll would go on
// telling of the old one's end.
func (s *Supervisor) drop(fd *int) {
	if *fd >= 0 {
		s.unwatch(*fd)
		unix.Close(*fd)
		*fd = -1
	}
}

// readRest takes what a dead worker left in its pipes: at most what a pipe holds,
// since a process that it started may hold them open and go on writing.
func (s *Supervisor) readRest(now time.Time, w *worker) {
	for range 16 {
		if w.Stats < 0 || w.violated != "" {
			break
		}
		n, err := unix.Read(w.Stats, s.statsBuf[:])
		if err != nil || n <= 0 {
			break
		}
		if err := w.frames.Feed(s.statsBuf[:n], func(f ipc.Frame) {
			if w.violated == "" && f.Kind != ipc.KindReady {
				s.frame(now, w, &f)
			}
		}); err != nil {
			w.violated = err.Error()
		}
	}
	s.hearOut(w)
}

// hearOut takes what a worker has said so far, and no more than a pipe holds.
func (s *Supervisor) hearOut(w *worker) {
	if w.Stderr < 0 {
		return
	}
	w.output.take(w.Stderr, 16, func(line string) { s.said(w, line) })
}

// bury ends the session of a worker that died without a last word, or does not die. The client
// gets its ERROR from the session's own TID, and so at once. Nobody is blamed for a victim.
func (s *Supervisor) bury(now time.Time, w *worker, exit, stack string, victim bool) {
	sess := w.session
	outcome := Crashed
	sess.last.Detail = fmt.Sprintf("worker %d: %s", w.PID, exit)
	switch {
	case w.violated != "":
		outcome = Violated
		sess.last.Detail = fmt.Sprintf("worker %d was killed: %s", w.PID, w.violated)
	case sess.ending != ipc.OutcomeNone:
		outcome = sess.ending
	}
	e := &protocol.Error{Code: protocol.CodeUndefined, Message: "Server process failed"}
	switch outcome {
	case Drained:
		e.Message = "Server is shutting down"
	case Stalled, Overdue, Killed:
		e.Message = "Server ended the session"
	}
	if outcome != Superseded && outcome != TimedOut {
		speak(sess.socket, e)
		sess.last.ErrorCode = uint16(e.Code)
	}
	w.session = nil
	if outcome == Crashed && !victim || outcome == Violated {
		s.blame(now, sess)
	}
	s.finish(now, sess, outcome, stack)
}
