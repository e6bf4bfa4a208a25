package sandbox

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// ordinaryHere are calls whose names differ from other machines'.
var ordinaryHere = []uint32{unix.SYS_NEWFSTATAT, unix.SYS_GETRLIMIT}
