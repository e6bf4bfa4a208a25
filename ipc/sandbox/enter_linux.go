package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxFiles is how many descriptors a worker may have open. It is born with six,
// and a session takes a handful.
const maxFiles = 256

// dropCapabilities gives up what the process has. It has something when the
// executable's file has capabilities (setcap), which the change of ids does not
// take away, or when it is root because nobody could change that.
func dropCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("sandbox: capget: %w", err)
	}
	if data == ([2]unix.CapUserData{}) {
		return nil
	}
	nothing.Version = unix.LINUX_CAPABILITY_VERSION_3
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&nothing.CapUserHeader)), uintptr(unsafe.Pointer(&nothing.data)), 0)
	switch {
	case errno == unix.ENOTSUP && unix.Geteuid() == 0:
		return nil // a program with cgo can't; nor can it leave root
	case errno == unix.ENOTSUP:
		return errors.New("sandbox: this program's file has capabilities, and built with cgo it can't give them up: remove them (setcap -r), or build it with CGO_ENABLED=0")
	case errno != 0:
		return fmt.Errorf("sandbox: giving up capabilities: %w", errno)
	}
	return nil
}

// nothing is the argument of capset, on no stack: its address goes through the
// runtime as a number.
var nothing struct {
	unix.CapUserHeader
	data [2]unix.CapUserData
}

// Enter applies t to the calling process: no capabilities; its limits, for good; that it is not
// dumpable, so that another process of its user can't look into it; and the
// filter of t's level, in every thread that there is or will be. The calling
// thread must have no_new_privs, which a worker is born with.
func (t Terms) Enter() error {
	if t.Level == Off && unix.Geteuid() == 0 {
		return nil
	}
	if err := dropCapabilities(); err != nil || t.Level == Off {
		return err
	}
	limits := []struct {
		name     string
		resource int
		value    uint64
	}{
		{"RLIMIT_NOFILE", unix.RLIMIT_NOFILE, maxFiles},
		{"RLIMIT_CORE", unix.RLIMIT_CORE, 0},
		{"RLIMIT_FSIZE", unix.RLIMIT_FSIZE, 0},
		{"RLIMIT_AS", unix.RLIMIT_AS, t.AddressSpace},
	}
	for _, l := range limits {
		if l.resource == unix.RLIMIT_AS && l.value == 0 {
			continue
		}
		if err := lower(l.resource, l.value); err != nil {
			return fmt.Errorf("sandbox: %s %d: %w", l.name, l.value, err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("sandbox: PR_SET_DUMPABLE: %w", err)
	}
	if len(t.Filter) == 0 {
		return nil
	}
	return t.Filter.install()
}

// lower sets both limits of a resource, unless they are lower already: raising
// them again would take a capability.
func lower(resource int, value uint64) error {
	var now unix.Rlimit
	if err := unix.Prlimit(0, resource, nil, &now); err != nil {
		return err
	}
	want := unix.Rlimit{Cur: min(value, now.Max), Max: min(value, now.Max)}
	return unix.Prlimit(0, resource, &want, nil)
}

// Narrow adds the filter of level to those that the process has; a call must
// pass all of them.
func Narrow(level Level) error {
	if level == Off {
		return nil
	}
	return Assemble(level).install()
}

// install has the kernel judge every call of this process by p from now on. It
// leaves p as it is.
func (p Program) install() error {
	program := slices.Clone(p) // where the kernel wants it, on a boundary of its own
	pid := uint32(unix.Getpid())
	for at := 0; at < len(program); at += instruction {
		if k := program[at+operand:]; binary.NativeEndian.Uint32(k) == ownPID {
			binary.NativeEndian.PutUint32(k, pid)
		}
	}
	prog := unix.SockFprog{Len: uint16(len(program) / instruction), Filter: (*unix.SockFilter)(unsafe.Pointer(&program[0]))}
	tid, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	switch {
	case errno != 0:
		return fmt.Errorf("sandbox: system call filter: %w", errno)
	case tid != 0:
		return fmt.Errorf("sandbox: system call filter: thread %d has another one", tid)
	}
	return nil
}

// canFilter says whether the kernel has system call filters that can refuse a
// call with an error (Linux 4.14), and this package a list for this processor.
func canFilter() bool {
	if auditArch == 0 {
		return false
	}
	action := uint32(unix.SECCOMP_RET_ERRNO)
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	return errno == 0
}
