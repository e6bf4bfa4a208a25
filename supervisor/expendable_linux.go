package supervisor

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"brood/supervisor/internal/cgroup"
)

// expendable makes workers those whom the kernel ends first when a control group's memory
// has run out. It takes the largest process there: that is the supervisor, where many small
// workers have used it up, or where the one that did has died and its memory is not free
// yet. So a worker counts for more than it has, proc_pid_oom_score_adj(5).
//
// A worker can't do that itself, as it may write to no file, and what it inherits is the
// supervisor's own score. To lower that one would take CAP_SYS_RESOURCE, which containers
// don't have. The score holds as well when the whole machine runs out; so it is no more than
// it takes, and there is none where no group has a bound: a machine has larger processes
// than a supervisor.
type expendable struct {
	score  int // a worker's oom_score_adj
	short  int // by how much that is less than it should be
	owners []int
}

// headStart is added to what a worker has: many times what a supervisor has.
const headStart = 32 << 20

// maxScore makes a process count for all of the memory that there is.
const maxScore = 1000

// newExpendable finds out what workers are to count for, given who they are; nil: for what
// they have.
func newExpendable(workers *identity) (e *expendable, bound int64, err error) {
	if bound, err = cgroup.MemoryBound(); err != nil || bound == 0 {
		return nil, 0, err
	}
	b, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		return nil, 0, err
	}
	own, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, 0, fmt.Errorf("oom_score_adj: %w", err)
	}
	return expendableOf(bound, own, workers), bound, nil
}

// expendableOf decides by the group's bound and the supervisor's own score.
func expendableOf(bound int64, own int, workers *identity) *expendable {
	// The score counts in thousandths of the bound that was met.
	more := int(min((headStart*maxScore+bound-1)/bound, maxScore))
	e := &expendable{score: min(own+more, maxScore)}
	e.short = own + more - e.score
	if workers == nil {
		e.owners = []int{unix.Geteuid()}
		return e
	}
	// A worker's file is root's until it has been executed, then its user's, and root's again
	// as soon as it can't be dumped.
	e.owners = []int{workers.uid, 0, workers.uid, 0}
	return e
}

// mark has a worker that was just born count for so much. Who can't change ids can't reach
// one that has entered its sandbox already, as one in a hundred has: that is no error.
func (e *expendable) mark(pid int) (err error) {
	for _, uid := range e.owners {
		if err = writeAs(uid, fmt.Sprintf("/proc/%d/oom_score_adj", pid), strconv.Itoa(e.score)); !errors.Is(err, unix.EACCES) {
			return err
		}
	}
	if len(e.owners) == 1 {
		return nil
	}
	return err
}

// writeAs writes to a file that exists, which it opens with the rights that a user has to
// files. It is this identity alone that the thread takes: with all of a worker's ids it could be
// signalled by that worker.
func writeAs(uid int, path, text string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := fileIdentity()
	unix.Setfsuid(uid)
	taken := fileIdentity() == uid
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	// The kernel wants memory for it, of which there may be none. Nothing else is to be done
	// as somebody else.
	for unix.Setfsuid(before); fileIdentity() != before; unix.Setfsuid(before) {
		time.Sleep(time.Millisecond)
	}
	if err != nil && !taken {
		return fmt.Errorf("opening %s: %w (and not as uid %d)", path, err, uid)
	}
	if err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		return fmt.Errorf("writing to %s: %w", path, err)
	}
	return nil
}

// fileIdentity is whose rights to files the calling thread has: it asks for an id that there
// is not, and so changes nothing.
func fileIdentity() int {
	uid, _ := unix.SetfsuidRetUid(-1)
	return uid
}

// expectShortage says at the start who goes when memory runs out, if there is a bound.
func (s *Supervisor) expectShortage() {
	var err error
	s.expendable, s.bound, err = newExpendable(s.who)
	switch {
	case err != nil:
		s.report.logf(hclog.Warn, "it is not known whether a control group bounds this server's memory: when that runs out the kernel may end the supervisor before its workers", "error", err.Error())
	case s.expendable == nil:
	case s.expendable.short > 0:
		s.report.logf(hclog.Warn, "when memory runs out the kernel may end the supervisor before its workers: its own oom_score_adj leaves no room for theirs",
			"bound", mib(s.bound), "workers-oom-score-adj", s.expendable.score, "short-by", s.expendable.short)
	default:
		s.report.logf(hclog.Info, "a control group bounds this server's memory: when that runs out the kernel ends workers first", "bound", mib(s.bound), "workers-oom-score-adj", s.expendable.score)
	}
}

func mib(n int64) string { return fmt.Sprintf("%d MiB", n>>20) }

// expose marks a worker, if there is a bound.
func (s *Supervisor) expose(now time.Time, pid int) {
	if s.expendable == nil {
		return
	}
	if err := s.expendable.mark(pid); err != nil {
		s.grumble(now, "when memory runs out the kernel may end the supervisor before this worker", "worker", pid, "error", err.Error())
	}
}
