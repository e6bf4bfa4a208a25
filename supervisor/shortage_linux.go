package supervisor

import (
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/supervisor/internal/cgroup"
)

// kills are the processes of this server's control group, where workers have none of their
// own, that the kernel has ended for want of memory. The zero value knows of none.
type kills struct {
	count func() uint64
	seen  uint64
	at    time.Time // when the count was last seen to grow
}

func newKills() kills {
	count := cgroup.Kills()
	if count == nil {
		return kills{}
	}
	return kills{count: count, seen: count()}
}

// look finds out whether there were any since it last did.
func (k *kills) look(now time.Time) {
	if k.count == nil {
		return
	}
	if n := k.count(); n > k.seen {
		k.seen, k.at = n, now
	}
}

// lateDeath is how long a process that the kernel has killed may take to be gone.
const lateDeath = 10 * time.Second

// starved says whether the kernel ended a worker for want of memory, as far as it tells. A
// handler that ends itself by the same signal is another matter.
func (s *Supervisor) starved(now time.Time, w *worker, exit ipc.Exit) bool {
	if exit.Signal != unix.SIGKILL || w.asked == askedKill {
		return false
	}
	if s.leaf != nil {
		s.look(now)
		return now.Sub(s.leaf.killedAt) < lateDeath
	}
	s.kills.look(now)
	return now.Sub(s.kills.at) < lateDeath
}

// endOf says how a worker ended, and for want of what, if that is known.
func (s *Supervisor) endOf(now time.Time, w *worker, exit ipc.Exit) string {
	switch {
	case !s.starved(now, w, exit):
		return exit.String()
	case s.leaf == nil:
		return exit.String() + " for want of memory"
	}
	return exit.String() + " for want of memory: all workers together may have " + s.memoryBound()
}

// usualMore is by how much workers may differ from each other in what they have, in KiB: a
// window is 8 MiB at most.
const usualMore = 16 << 10

// victim says whether a worker was ended because others had the memory. Then its request and
// its client are not to blame: a site that boots on too little memory asks for the same
// file all at once, and is not to be refused it. One that had more itself than workers
// have which end well is no victim.
//
// What a process has had at most (getrusage(2)) is never less than its parent had when it was
// born, so the supervisor's own counts as usual.
func (s *Supervisor) victim(now time.Time, w *worker, exit ipc.Exit) bool {
	if !s.starved(now, w, exit) {
		return false
	}
	var own unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &own)
	return exit.MaxRSS <= max(s.pool.usual, int64(own.Maxrss))+usualMore
}
