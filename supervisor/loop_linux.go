package supervisor

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// A tag says what a descriptor in the epoll set is; with it goes a listener's
// index or a worker's id. Ids are never used twice, so an event that was queued
// behind its worker's end finds nobody.
const (
	tagWake uint32 = iota
	tagListener
	tagStats
	tagStderr
	tagExit
	tagKnock
	tagHelperStderr
	tagHelperExit
	tagLeaf
)

func (s *Supervisor) watch(fd int, tag, id uint32) error {
	return s.watchFor(unix.EPOLLIN, fd, tag, id)
}

func (s *Supervisor) watchFor(events uint32, fd int, tag, id uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(tag), Pad: int32(id)}
	if err := unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

func (s *Supervisor) unwatch(fd int) {
	unix.EpollCtl(s.epoll, unix.EPOLL_CTL_DEL, fd, nil)
}

// maxSleep bounds one wait of the loop, so that what has no event of its own is
// looked at from time to time.
const maxSleep = time.Second

// Of what has waited too long so much goes at once, and the next so much later: a
// queue that is full of it must not stop the loop.
const (
	staleAtOnce = 256
	staleEvery  = 20 * time.Millisecond
)

// loop runs until the last phase has nothing left to wait for.
func (s *Supervisor) loop() {
	var events [128]unix.EpollEvent
	for !s.finished() {
		n := s.poller.wait(events[:], s.sleep())
		now := time.Now()
		for i := range n {
			s.dispatch(now, uint32(events[i].Fd), uint32(events[i].Pad))
		}
		if !now.Before(s.nextTick) {
			s.tick(now)
		}
		s.closeLingering(now)
		s.hearStrays(now)
		s.serveWaiting(now)
		s.refill(now)
	}
}

func (s *Supervisor) dispatch(now time.Time, tag, id uint32) {
	switch tag {
	case tagWake:
		for _, f := range s.inbox.take() {
			f()
		}
		return
	case tagListener:
		// They may have been closed in this very round, or be another's to read.
		if int(id) < len(s.listeners) && !s.yielding {
			l := s.listeners[id]
			s.receiver.receive(l, func(a arrival) { s.arrive(now, l, a) })
		}
		return
	case tagHelperStderr, tagHelperExit:
		s.helperEvent(now, tag, id)
		return
	case tagLeaf:
		s.look(now)
		return
	}
	w := s.pool.all[id]
	if w == nil {
		return
	}
	switch tag {
	case tagStats:
		s.readFrames(now, w)
	case tagStderr:
		s.readOutput(now, w)
	case tagExit:
		s.reap(now, w)
	case tagKnock:
		s.knock(now, w)
	}
}

// sleep is the time until the next tick, or until a socket is to be closed.
func (s *Supervisor) sleep() time.Duration {
	if len(s.strays) > 0 {
		return 0
	}
	next := s.nextTick
	if len(s.lingering) > 0 && s.lingering[0].until.Before(next) {
		next = s.lingering[0].until
	}
	return min(time.Until(next), maxSleep)
}

// at asks for a tick no later than t.
func (s *Supervisor) at(t time.Time) {
	if t.Before(s.nextTick) {
		s.nextTick = t
	}
}

// tick does what is due and finds out when to do it again.
func (s *Supervisor) tick(now time.Time) {
	s.nextTick = now.Add(maxSleep)
	if !now.Before(s.statsAt) {
		s.statsAt = now.Add(s.StatsInterval)
		s.reportStats(s.report.post)
		s.notify(s.status())
	}
	s.at(s.statsAt)
	alive, err := s.notifier.alive(now)
	if err != nil {
		s.unnotified(err)
	}
	s.at(alive)
	s.advance(now)
	s.lookForKills(now)
	s.reapOrphans()
	if s.phase == serving && s.gen.launch != nil {
		s.gen.starter.look()
	}
	s.tendHelpers(now)
	for _, w := range s.pool.all {
		if w.unheard {
			s.reap(now, w)
			s.at(now.Add(unheardEvery))
			continue
		}
		if w.state == busy {
			s.watchdog(now, w.session)
		}
		if w.state == idle && w.served > 0 && now.Sub(w.since) >= maxAge {
			s.dismiss(now, w)
		}
		if w.patience.IsZero() {
			continue
		}
		if !now.Before(w.patience) {
			w.press(now)
			if w.overstays(now) {
				s.abandon(now, w)
			}
		}
		s.at(w.patience)
	}
	if !now.Before(s.pool.demand.until) {
		s.shrink(now)
	}
	s.at(s.pool.demand.until)
	s.at(s.pool.retryAt(now))
	if s.pool.holdUntil.After(now) {
		s.at(s.pool.holdUntil)
	}
	s.gate.expire(now)
	if next := s.gate.rules.next(); !next.IsZero() {
		s.at(next)
	}
	s.queue.expire(now)
	s.crashes.expire(now)
	if s.queue.dropStale(now, staleAtOnce, func(waiting *session) {
		s.refuseWaiting(now, waiting, &s.counters.Refused.Stale, "waited too long")
	}) {
		s.at(now.Add(staleEvery))
	}
}
