package exec

import (
	"fmt"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// A guard kills a process group when this process is no more, however it ended.
//
// PR_SET_PDEATHSIG does so for a child, but not for what that has started. So
// here is a pipe, both ends of which are ours and signal their owner when
// something happens to them (O_ASYNC): the owner is the group, and the signal
// SIGKILL. Nothing ever happens to them but that the first of the two is closed,
// in whatever order the kernel closes the descriptors of a dead process.
type guard struct{ ends [2]int }

func newGuard(group int) (*guard, error) {
	g := new(guard)
	if err := unix.Pipe2(g.ends[:], unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	for _, end := range g.ends {
		for _, set := range []struct{ command, value int }{
			{unix.F_SETSIG, int(unix.SIGKILL)},
			{unix.F_SETOWN, -group},
			{unix.F_SETFL, unix.O_ASYNC}, // last: from now on it counts
		} {
			if _, err := unix.FcntlInt(uintptr(end), set.command, set.value); err != nil {
				g.close()
				return nil, fmt.Errorf("guarding process group %d: %w", group, err)
			}
		}
	}
	return g, nil
}

// close kills what is left of the group.
func (g *guard) close() {
	for i, fd := range g.ends {
		ipc.CloseFD(fd)
		g.ends[i] = -1
	}
}
