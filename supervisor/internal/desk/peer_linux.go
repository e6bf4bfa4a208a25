package desk

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// peer is the process at the other end, as it was when it connected.
type peer struct {
	uid, pid int
	groups   []uint32 // all that it is in
}

func peerOf(fd int) (peer, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return peer{}, fmt.Errorf("who connects: %w", err)
	}
	p := peer{uid: int(cred.Uid), pid: int(cred.Pid), groups: []uint32{cred.Gid}}
	p.groups = append(p.groups, groupsOf(fd)...)
	return p, nil
}

// groupsOf returns the supplementary groups; none where the kernel can't say, before
// Linux 4.13.
func groupsOf(fd int) []uint32 {
	for groups := make([]uint32, 32); len(groups) <= 1<<16; groups = make([]uint32, 4*len(groups)) {
		size := uint32(4 * len(groups))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		if errno == 0 {
			return groups[:size/4]
		}
		if !errors.Is(errno, unix.ERANGE) {
			break
		}
	}
	return nil
}

// mayChange says whether a process may do more than look.
func (p peer) mayChange(own, group int) bool {
	return p.uid == 0 || p.uid == own || group >= 0 && slices.Contains(p.groups, uint32(group))
}
