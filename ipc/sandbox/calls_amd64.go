package sandbox

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// opening are the calls that open by name, and which argument has the flags.
var opening = []opener{{unix.SYS_OPENAT, 2}, {unix.SYS_OPEN, 1}}

// ordinaryHere are older forms of ordinary calls, which other machines lack.
var ordinaryHere = []uint32{
	unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_NEWFSTATAT, unix.SYS_ACCESS, unix.SYS_READLINK,
	unix.SYS_POLL, unix.SYS_SELECT, unix.SYS_EPOLL_WAIT, unix.SYS_EPOLL_CREATE, unix.SYS_EVENTFD, unix.SYS_PIPE, unix.SYS_DUP2,
	unix.SYS_GETRLIMIT, unix.SYS_TIME, unix.SYS_ARCH_PRCTL,
}
