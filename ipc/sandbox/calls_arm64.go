package sandbox

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// opening are the calls that open by name, and which argument has the flags.
var opening = []opener{{unix.SYS_OPENAT, 2}}

// ordinaryHere are calls whose names differ from other machines'.
var ordinaryHere = []uint32{unix.SYS_NEWFSTATAT, unix.SYS_GETRLIMIT}
