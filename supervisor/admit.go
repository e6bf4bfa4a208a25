package supervisor

import (
	"net/netip"
	"time"

	"github.com/hashicorp/go-hclog"

	"brood/ipc"
	"brood/ipc/admin"
	"brood/protocol"
)

// arrive takes one datagram that a port has received.
func (s *Supervisor) arrive(now time.Time, l *listener, a arrival) {
	s.counters.Requests++
	s.admit(now, l, a)
}

// admit decides what becomes of a datagram that is counted: strays are when they are found,
// so that one which nobody comes to hear of is not missing.
func (s *Supervisor) admit(now time.Time, l *listener, a arrival) {
	if a.peer.Port() == 0 || a.peer.Addr().IsMulticast() || a.peer.Addr().IsUnspecified() ||
		a.local.IsUnspecified() { // a broadcast on an interface without an address
		s.counters.Ignored++ // nothing could be sent there, or from here
		return
	}
	req, err := protocol.ParseRequest(a.data)
	refusal, isRequest := protocol.Refusal(err)
	if err != nil && !isRequest {
		// No answer to an ERROR, or to anything that is no request: two servers
		// could be made to answer each other for ever (CVE-2024-2169).
		s.counters.Ignored++
		return
	}
	with := conversation{peer: a.peer, local: a.local}
	if s.answeredElsewhere(now, with, a.data) {
		s.counters.Duplicates++
		return
	}
	dup, talks := s.sessions.duplicate(with, a.data)
	if dup != nil {
		s.repeat(now, dup, a.came)
		return
	}
	if !s.mayAsk(now, l, a) {
		return
	}
	switch {
	case err != nil:
		s.refuseMalformed(now, l, a, refusal, err)
		return
	case req.Op == protocol.OpWRQ:
		s.counters.Refused.Write++
		l.refuse(a, &protocol.Error{Code: protocol.CodeAccessViolation, Message: "This server is read-only"})
		s.grumbleOf(now, "write request refused", func() []any { return a.pairs("file", protocol.Printable(req.File)) })
		return
	}
	if pause := s.crashes.paused(now, string(a.data)); pause > 0 {
		s.counters.Refused.Failing++
		l.refuse(a, failing(pause))
		s.grumbleOf(now, "request refused: it keeps crashing its handler", func() []any { return a.pairs("file", protocol.Printable(req.File)) })
		return
	}
	if talks >= maxTalks {
		s.counters.Refused.Crowded++
		s.grumbleOf(now, "request dropped: its client has too many sessions", func() []any { return a.pairs("sessions", talks) })
		return
	}
	stranger := !s.queue.knows(a.peer.Addr())
	if s.queue.len() >= s.MaxWaiting && (s.queue.len() > 0 || !s.servesNow(now, stranger) || s.room(a.peer.Addr()) <= 0) {
		// Silence: a client that hears nothing asks again, one that hears ERROR gives up.
		s.grumbleOf(now, "request dropped: too many wait", func() []any { return a.pairs("waiting", s.queue.len()) })
		var latest *session
		if !s.queue.has(a.peer.Addr()) {
			latest = s.queue.displace(stranger) // of who has most; nobody is kept out by another's flood
		}
		if latest == nil {
			s.counters.Refused.QueueFull++
			return
		}
		s.refuseWaiting(now, latest, &s.counters.Refused.QueueFull, "others that had none waiting came first")
	}
	s.enqueue(&session{with: with, datagram: string(a.data), request: req, ifindex: a.ifindex, listener: l, received: now, seen: now})
	s.serveWaiting(now)
}

// enqueue has a request wait for its turn.
func (s *Supervisor) enqueue(sess *session) {
	s.lastID++
	sess.id = s.lastID
	sess.stranger = !s.queue.knows(sess.source())
	sess.socket, sess.last = -1, ipc.Frame{Size: -1}
	s.sessions.add(sess)
	s.queue.push(sess)
}

// mayAsk says whether the source of a request may make one at all, and now. Whoever
// asks too often gets silence, also where it would get ERROR.
func (s *Supervisor) mayAsk(now time.Time, l *listener, a arrival) bool {
	source := a.peer.Addr()
	switch {
	case !s.gate.often(now, source):
		s.counters.Refused.TooOften++
		s.grumbleOf(now, "request dropped: its source asks too often", func() []any { return a.pairs() })
	case !s.gate.admits(source):
		s.counters.Refused.Denied++
		l.refuse(a, &protocol.Error{Code: protocol.CodeAccessViolation, Message: "This server does not serve your address"})
		s.grumbleOf(now, "request refused: its source is denied", func() []any { return a.pairs() })
	case s.crashes.penalised(now, source):
		s.counters.Refused.Penalised++
		s.grumbleOf(now, "request dropped: its client has crashed handlers", func() []any { return a.pairs() })
	default:
		return true
	}
	return false
}

func (s *Supervisor) refuseMalformed(now time.Time, l *listener, a arrival, e *protocol.Error, err error) {
	l.refuse(a, e)
	if e.Code == protocol.CodeAccessViolation {
		s.counters.Refused.Write++
	} else {
		s.counters.Refused.Malformed++
	}
	s.grumbleOf(now, "malformed request refused", func() []any { return a.pairs("error", err.Error()) })
}

// grumble logs a refusal, at most one of a kind each second.
func (s *Supervisor) grumble(now time.Time, message string, pairs ...any) {
	s.grumbleOf(now, message, func() []any { return pairs })
}

// grumbleOf is grumble for what comes in floods: pairs are made only for what is logged.
func (s *Supervisor) grumbleOf(now time.Time, message string, pairs func() []any) {
	if ok, suppressed := s.quiet.allow(now, message); ok {
		said := pairs()
		if suppressed > 0 {
			said = append(said, "suppressed", suppressed)
		}
		s.report.logf(hclog.Warn, message, said...)
	}
}

// pairs is what a refusal says of a datagram.
func (a *arrival) pairs(more ...any) []any {
	return append([]any{"peer", a.peer.String()}, more...)
}

// servesNow says whether one more session could begin, of a stranger or of a source
// that is known.
func (s *Supervisor) servesNow(now time.Time, stranger bool) bool {
	idle := len(s.pool.idle)
	if stranger {
		idle -= s.kept()
	}
	return idle > 0 && !s.full() && (!stranger || s.strangersRoom(now) > 0)
}

func (s *Supervisor) full() bool { return len(s.pool.busy) >= s.MaxSessions }

// room is how many sessions more a source may have.
func (s *Supervisor) room(source netip.Addr) int {
	return s.MaxSessionsPerSource - s.sessions.running[source]
}

// serveWaiting hands waiting requests to idle workers, as far as there are any.
func (s *Supervisor) serveWaiting(now time.Time) {
	for s.queue.len() > 0 && !s.yielding && s.servesNow(now, false) && !now.Before(s.pool.holdUntil) {
		sess := s.queue.pop(s.servesNow(now, true), s.room)
		if sess == nil {
			s.at(s.credit.due(now))
			return
		}
		if sess.ending != ipc.OutcomeNone {
			s.finish(now, sess, sess.ending, "")
			continue
		}
		if err := s.handOver(now, sess, s.pool.takeIdle()); err == nil {
			continue
		} else if exhausted(err) {
			s.queue.unpop(sess)
			if s.closeAllLingering() { // that gives some of it back
				continue
			}
			s.hold(now, err)
			return
		} else {
			s.refuseWaiting(now, sess, &s.counters.Refused.Unreachable, err.Error())
		}
	}
}

// hold stops handing out for a moment: descriptors, ports or memory are used up,
// and running sessions will give some back.
func (s *Supervisor) hold(now time.Time, err error) {
	s.pool.holdUntil = now.Add(100 * time.Millisecond)
	s.at(s.pool.holdUntil)
	s.grumble(now, "requests wait: out of a resource", "error", err.Error(), "waiting", s.queue.len())
}

// handOver opens the session's socket and gives both to a worker. On an error
// the worker is idle again: it is the request's, or the system's. So it is if the
// request is refused by now.
func (s *Supervisor) handOver(now time.Time, sess *session, w *worker) error {
	fd, local, err := s.openSocket(now, sess)
	if err != nil {
		s.pool.idle = append(s.pool.idle, w)
		return err
	}
	if pause := s.crashes.paused(now, sess.datagram); pause > 0 { // since it began to wait
		speak(fd, failing(pause))
		ipc.CloseFD(fd)
		s.pool.idle = append(s.pool.idle, w)
		s.refuseWaiting(now, sess, &s.counters.Refused.Failing, "it keeps crashing its handler")
		return nil
	}
	sess.socket, sess.local = fd, local
	if sess.mac == "" {
		sess.mac = s.macs.lookup(sess.with.peer.Addr(), sess.ifindex)
	}
	last := s.lastFor(now, w)
	job := sess.job(&s.settings, last, sess.stranger || s.crashes.suspect(sess.source()))
	message, err := job.Encode()
	if err == nil {
		err = ipc.SendJob(w.Control, message, fd)
	}
	if err != nil {
		ipc.CloseFD(fd)
		sess.socket = -1
		if !peerless(err) {
			s.pool.idle = append(s.pool.idle, w)
			return err
		}
		// The worker died this instant. The next one gets the job, in its turn.
		s.dismiss(now, w)
		s.queue.unpop(sess)
		return nil
	}
	sess.worker, sess.handed = w, now
	if sess.stranger {
		s.unproved++
	}
	s.sessions.runs(sess)
	s.crashes.try(now, sess.datagram)
	w.begin(now, sess, last)
	s.pool.demand.take(len(s.pool.idle))
	s.pool.busy[w.id] = w
	s.counters.Started++
	sess.speed.begin(now)
	s.tellSession(now, admin.EventBegun, sess)
	return nil
}

// openSocket opens a session's socket. In single-port mode it is the only one of
// its conversation: what that was about before ends here, since nobody could tell
// the packets apart.
func (s *Supervisor) openSocket(now time.Time, sess *session) (fd int, local netip.AddrPort, err error) {
	with := sess.with
	if !s.SinglePort {
		return openSocket(with.local, with.peer, s.PortRange, false)
	}
	for older := sess.older; older != nil; older = older.older {
		s.endSession(now, older, Superseded)
		s.retire(older)
	}
	s.giveListener(now, sess.listener, with.local)
	port := sess.listener.addr.Port()
	if fd, local, err = openSocket(with.local, with.peer, PortRange{port, port}, true); err == nil {
		s.salvage(sess, fd)
	}
	return fd, local, err
}

// refuseWaiting ends a session that never ran.
func (s *Supervisor) refuseWaiting(now time.Time, sess *session, reason *uint64, detail string) {
	*reason++
	sess.last.Detail = detail
	s.finish(now, sess, Unserved, "")
}

// finish takes a session out of the table and tells the world.
func (s *Supervisor) finish(now time.Time, sess *session, outcome Outcome, stack string) {
	logged, suppressed := true, uint64(0)
	if sess.stranger && outcome != Crashed && outcome != Violated {
		logged, suppressed = s.chatter.allow(now)
	}
	s.sessions.remove(sess)
	s.settle(sess)
	s.acquit(sess)
	s.retire(sess)
	s.linger(now, sess)
	s.count(outcome, &sess.last)
	if outcome == Complete || outcome == Declined || outcome == Refused {
		s.crashes.works(sess.datagram)
	}
	record := sess.record(now, outcome)
	record.Stack = stack
	s.measured.add(&record)
	s.report.session(record, logged, suppressed, s.OnSessionStats)
	s.tellEnded(now, sess.id, record, logged)
}
