package supervisor

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"brood/supervisor/internal/cgroup"
)

// leaf is the workers' control group as the loop sees it; nil: they have none.
type leaf struct {
	group     *cgroup.Group
	count     func() cgroup.Events // the group's
	written   cgroup.Limits        // what the kernel goes by; not the loop's while a reload is under way
	events    cgroup.Events
	refusedAt time.Time // and to have refused one more process or thread
}

func (o *Options) workersLimits() cgroup.Limits {
	return cgroup.Limits{Memory: o.WorkersMemory, Tasks: o.WorkersTasks}
}

// Less than this is a mistake: in these, one worker serves while another starts.
const (
	minWorkersMemory = 16 << 20
	minWorkersTasks  = 32
)

func checkWorkersLimits(l cgroup.Limits, fault func(string, ...any)) {
	if l.Memory < 0 || l.Memory > 0 && l.Memory < minWorkersMemory {
		fault("WorkersMemory %d: want at least %d bytes, or 0 for no bound", l.Memory, minWorkersMemory)
	}
	if l.Tasks < 0 || l.Tasks > 0 && l.Tasks < minWorkersTasks {
		fault("WorkersTasks %d: want at least %d, or 0 for no bound", l.Tasks, minWorkersTasks)
	}
}

// openLeaf makes the workers' control group, if there is to be one, with the rights
// that this process was started with, for the account that it is going to have.
func (s *Supervisor) openLeaf(own *identity) error {
	limits := s.workersLimits()
	if limits == (cgroup.Limits{}) {
		return nil
	}
	owner := -1
	if own != nil {
		owner = own.uid
	}
	admin, err := holds(unix.CAP_SYS_ADMIN)
	if err != nil {
		return err
	}
	g, err := cgroup.Open(limits, owner, admin)
	if err != nil {
		return fmt.Errorf("WorkersMemory and WorkersTasks need a control group (version 2) that was delegated to this server with the controllers memory and pids, as by Delegate=memory pids in a systemd unit; what brood.service says of --workers-memory is all that a unit needs: %w", err)
	}
	s.leaf = &leaf{group: g, count: g.Events, written: limits, events: g.Events()}
	s.kills.seen = s.leaf.events.Killed
	return nil
}

// watchLeaf has the loop hear of what meets a bound.
func (s *Supervisor) watchLeaf() error {
	if s.leaf == nil {
		return nil
	}
	for _, fd := range s.leaf.group.Files() {
		if err := s.watchFor(unix.EPOLLPRI, fd, tagLeaf, 0); err != nil {
			return err
		}
	}
	return nil
}

// loosen lets workers have what either they may have now or are to have after a
// reload: its first worker must have room where the others have used up theirs. It
// is called beside the loop, as the kernel may take its time.
func (s *Supervisor) loosen(next *settings) error {
	if s.leaf == nil || next.workersLimits() == (cgroup.Limits{}) {
		return nil
	}
	return s.leaf.set(s.workersLimits().Or(next.workersLimits()))
}

// rebound sets the limits that are in force after a reload, whatever came of it, and
// calls done then. It is done beside the loop: the kernel may have to take memory from
// workers first, or to end one.
func (s *Supervisor) rebound(limits cgroup.Limits, done func()) {
	if s.leaf == nil || limits == (cgroup.Limits{}) {
		done()
		return
	}
	go func() {
		err := s.leaf.set(limits)
		s.inbox.post(func() {
			if err != nil {
				s.report.logf(hclog.Error, "the workers' limits can't be changed", "error", err.Error())
			} else {
				s.WorkersMemory, s.WorkersTasks = limits.Memory, limits.Tasks
			}
			done()
		})
	}()
}

// set is for one reload at a time.
func (l *leaf) set(limits cgroup.Limits) error {
	if limits == l.written {
		return nil
	}
	if err := l.group.Bound(limits); err != nil {
		return err
	}
	l.written = limits
	return nil
}

// look finds out what has met a bound since it last did, and says so.
func (s *Supervisor) look(now time.Time) {
	l := s.leaf
	before := l.events
	l.events = l.count()
	if n := s.kills.saw(now, l.events.Killed); n > 0 {
		s.grumble(now, "the kernel has killed what workers ran, for want of memory", "processes", n, "all-workers-may-have", s.memoryBound())
	}
	if n := l.events.Refused - before.Refused; n > 0 {
		l.refusedAt = now
		s.grumble(now, "workers could start no more processes or threads", "refused", n, "all-workers-may-have", s.tasksBound())
	}
}

func (o *Options) memoryBound() string {
	if o.WorkersMemory == 0 {
		return "what the machine has"
	}
	return mib(o.WorkersMemory) + " (WorkersMemory)"
}

func (o *Options) tasksBound() string {
	if o.WorkersTasks == 0 {
		return "what the machine has"
	}
	return fmt.Sprintf("%d (WorkersTasks)", o.WorkersTasks)
}

// crowded says of a start that failed for want of a process or a thread what keeps it
// from them. The runtime's trace, which comes each time, says no more.
func (s *Supervisor) crowded(now time.Time, why string) string {
	if s.leaf == nil {
		return why
	}
	s.look(now)
	if now.Sub(s.leaf.refusedAt) >= lateDeath {
		return why
	}
	why, _, _ = strings.Cut(why, "\n")
	return why + "; processes and threads that all workers together may have: " + s.tasksBound()
}

// keepsLeaf says whether workers have a group of their own before a reload and after,
// or never.
func (s *Supervisor) keepsLeaf(next *settings) bool {
	return (s.leaf == nil) == (next.workersLimits() == cgroup.Limits{})
}
