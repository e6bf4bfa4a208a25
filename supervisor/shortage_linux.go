package supervisor

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/supervisor/internal/cgroup"
)

// killCounter counts whom the kernel has ended for want of memory in this server's control
// group.
type killCounter interface {
	Count() uint64
	Close()
}

// countKills begins to count, unless workers have a group of their own, which counts itself.
func (s *Supervisor) countKills() {
	if s.leaf != nil {
		return
	}
	if k := cgroup.OpenKills(); k != nil {
		s.counted = k
		s.kills.seen = k.Count()
	} else if s.bound > 0 {
		s.report.logf(hclog.Warn, "whom the kernel ends for want of memory is not counted here, and is held against its request and its client")
	}
}

// kills are those whom the kernel has ended for want of memory, as far as they were seen.
type kills struct {
	seen      uint64
	unclaimed []unclaimed // oldest first
}

// unclaimed are so many of whom no worker's end was found yet; not all were workers.
type unclaimed struct {
	at time.Time // when they were seen
	n  uint64
}

// lateDeath is how long a process that the kernel has killed may take to be gone.
const lateDeath = 10 * time.Second

// saw is for a look at the count. It returns how many there are more.
func (k *kills) saw(now time.Time, count uint64) (more uint64) {
	if count > k.seen { // a count that can't be read is 0
		more = count - k.seen
		k.seen, k.unclaimed = count, append(k.unclaimed, unclaimed{now, more})
	}
	for len(k.unclaimed) > 0 && now.Sub(k.unclaimed[0].at) >= lateDeath {
		k.unclaimed = k.unclaimed[1:]
	}
	return more
}

// claim is for an end that one of them would account for.
func (k *kills) claim() bool {
	if len(k.unclaimed) == 0 {
		return false
	}
	if k.unclaimed[0].n--; k.unclaimed[0].n == 0 {
		k.unclaimed = k.unclaimed[1:]
	}
	return true
}

// lookForKills finds out whether there were any. Of those that are not the workers' own group's
// nobody tells, so it is done every second: what is seen late would be taken for the end of
// somebody else.
func (s *Supervisor) lookForKills(now time.Time) {
	switch {
	case s.leaf != nil:
		s.look(now)
	case s.counted != nil:
		s.kills.saw(now, s.counted.Count())
	}
}

// starved says whether the kernel ended a worker for want of memory, as far as it tells; once
// for each worker. A handler that ends itself by the same signal is another matter.
func (s *Supervisor) starved(now time.Time, w *worker, exit ipc.Exit) bool {
	if exit.Signal != unix.SIGKILL || w.asked == askedKill {
		return false
	}
	s.lookForKills(now)
	return s.kills.claim()
}

// endOf says how a worker ended, and for want of what, if that is known.
func (s *Supervisor) endOf(exit ipc.Exit, starved bool) string {
	switch {
	case !starved:
		return exit.String()
	case s.leaf == nil:
		return exit.String() + " for want of memory"
	}
	return exit.String() + " for want of memory: all workers together may have " + s.memoryBound()
}

// usualMore is by how much workers may differ from each other in what they have, in KiB: a
// window is 8 MiB at most. Where there is little memory it is a quarter of that.
const usualMore = 16 << 10

// asOthers says whether a worker that was starved had as much as others have. Then its request
// and its client are not to blame: a site that boots on too little memory asks for the same
// file all at once, and is not to be refused it.
//
// What a process has had at most (getrusage(2)) is never less than its parent had when it was
// born, so the supervisor's own counts as usual. It is that of the worker's whole life, and of
// the programs that it ran: one that had much in an earlier session is blamed for this one.
func (s *Supervisor) asOthers(exit ipc.Exit) bool {
	more := int64(usualMore)
	for _, bound := range []int64{s.WorkersMemory, s.bound} {
		if bound > 0 {
			more = min(more, (bound>>10)/4)
		}
	}
	return exit.MaxRSS <= max(s.pool.usual, ownPeak())+more
}

// ownPeak is what this process has had of memory at most since it was executed, in KiB.
func ownPeak() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range bytes.Lines(status) {
		if f := bytes.Fields(line); len(f) == 3 && string(f[0]) == "VmHWM:" {
			n, _ := strconv.ParseInt(string(f[1]), 10, 64)
			return n
		}
	}
	return 0
}

// learn is for a worker that ended well, and had so much at most, in KiB. What is usual is a
// mean of the latest ones, so that one alone can't make much of it seem usual for long.
func (p *pool) learn(peak int64) {
	if p.usual == 0 {
		p.usual = peak
	}
	p.usual += (peak - p.usual) / 8
}
