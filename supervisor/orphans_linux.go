package supervisor

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// first says that this process is the first of its PID namespace, as in a
// container: processes whose parents have ended become its children.
var first = os.Getpid() == 1

// reapOrphans collects such children when they have ended; nobody else does. A
// worker is left to the event of its pidfd, an errand to who waits for it. It is
// called at ticks: there is no hurry, and SIGCHLD would wake the loop for every
// worker.
func (s *Supervisor) reapOrphans() {
	if !first || !s.forking.TryLock() {
		return
	}
	defer s.forking.Unlock()
	for _, f := range s.inbox.take() { // now every worker that exists is in the pool
		f()
	}
	if !errands.TryLock() {
		return
	}
	defer errands.Unlock()
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		pid := endedChild(&info)
		if err != nil || pid == 0 || s.pool.has(pid) || errands.pids[pid] || s.helps(pid) {
			return
		}
		if _, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err != nil {
			return
		}
	}
}

// endedChild is the si_pid of waitid(2), which the type does not name; 0: nobody
// has ended.
func endedChild(info *unix.Siginfo) int {
	const offset = 16 // behind three ints and, on 64 bits, the union's alignment
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), offset)))
}

func (p *pool) has(pid int) bool {
	for _, w := range p.all {
		if w.PID == pid {
			return true
		}
	}
	return false
}

func (s *Supervisor) helps(pid int) bool {
	for _, h := range s.helpers {
		if h.running && h.PID == pid {
			return true
		}
	}
	return false
}
