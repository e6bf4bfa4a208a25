package supervisor

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"brood/supervisor/internal/cgroup"
)

// expendable makes workers those whom the kernel ends first when a control group's memory
// has run out. It takes the largest process there: that is the supervisor, where many small
// workers have used it up, or where the one that did has died and its memory is not free
// yet. So a worker counts for more than it has, proc_pid_oom_score_adj(5).
//
// A worker can't do that itself, as it may write to no file, and being born of the
// supervisor it would count as that does. To lower the supervisor's own would take
// CAP_SYS_RESOURCE, which containers don't have.
type expendable struct {
	score  string // a worker's oom_score_adj; empty: the supervisor's own
	owners []int  // whose the file may be
	failed bool   // for one at least, and the log says so
}

// headStart is by how much a worker counts for more than it has: more than a supervisor ever has.
const headStart = 32 << 20

const maxScore = 1000 // of a process that is always taken first

// newExpendable finds out what workers are to count for, given who they are. Where no group
// has a bound they stay as they are: a machine has larger processes than a supervisor, and
// those are not to outlive all workers.
func newExpendable(workers *identity) expendable {
	bound := cgroup.MemoryBound()
	b, err := os.ReadFile("/proc/self/oom_score_adj")
	own, err2 := strconv.Atoi(strings.TrimSpace(string(b)))
	if bound == 0 || err != nil || err2 != nil {
		return expendable{}
	}
	return expendableOf(bound, own, workers)
}

// expendableOf is newExpendable's by what is known: the group's bound and the supervisor's own score.
func expendableOf(bound int64, own int, workers *identity) expendable {
	// The score counts in thousandths of the bound that was met.
	e := expendable{score: strconv.FormatInt(min(int64(own)+(headStart*maxScore+bound-1)/bound, maxScore), 10)}
	if workers == nil {
		e.owners = []int{unix.Geteuid()}
	} else {
		e.owners = []int{workers.uid, 0} // root once it is undumpable
	}
	return e
}

// mark makes one expendable. That it has ended already is no error. One that was born in a
// sandbox is as soon as it is up out of reach for who can't change ids.
func (e *expendable) mark(pid int) error {
	if e.score == "" {
		return nil
	}
	path := fmt.Sprintf("/proc/%d/oom_score_adj", pid)
	var err error
	for _, uid := range e.owners {
		if err = writeAs(uid, path, e.score); !errors.Is(err, unix.EACCES) {
			break
		}
	}
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ESRCH):
		return nil
	case errors.Is(err, unix.EACCES) && len(e.owners) == 1:
		return nil // it was undumpable sooner, as one in a hundred is; nobody here may be root for that
	}
	return err
}

// writeAs writes to a file that exists by the rights that a user has to files, without
// any capability. It leaves them before it returns.
func writeAs(uid int, path, text string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := unix.SetfsuidRetUid(uid)
	if err != nil {
		return fmt.Errorf("setfsuid: %w", err)
	}
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	unix.Setfsuid(before)
	if err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		return fmt.Errorf("writing to %s: %w", path, err)
	}
	return nil
}

// expose marks a worker that was just born.
func (s *Supervisor) expose(pid int) {
	if err := s.expendable.mark(pid); err != nil && !s.expendable.failed {
		s.expendable.failed = true
		s.report.logf(hclog.Warn, "when memory runs out the kernel may end the supervisor before its workers", "error", err.Error())
	}
}
