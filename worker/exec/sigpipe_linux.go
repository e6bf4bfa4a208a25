package exec

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// withSIGPIPE runs f, which starts a program, with SIGPIPE as programs expect it.
// A worker ignores it, what is ignored stays so in what it starts, and shells
// can't change that: each `yes | head -1` would be an error message.
//
// The runtime must not learn of it: os/signal has no way back but by a goroutine
// that stays. A SIGPIPE of the worker's own within this moment ends it; its
// supervisor would be gone then, or have stopped listening to it.
func withSIGPIPE(f func()) {
	const ignored = 1 // SIG_IGN
	var before, dflt sigaction
	if err := sigactionOf(nil, &before); err != nil || before[0] != ignored {
		f() // the runtime's own handler does not outlive an exec
		return
	}
	sigactionOf(&dflt, nil)
	defer sigactionOf(&before, nil)
	f()
}

// A sigaction begins with the handler. How long it is depends on the processor;
// here is room for each.
type sigaction [8]uintptr

func sigactionOf(set, get *sigaction) error {
	const setSize = 8 // of the kernel's sigset_t
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGPIPE),
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(get)), setSize, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
