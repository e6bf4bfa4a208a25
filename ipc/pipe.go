package ipc

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Sizes of a worker's pipes in bytes. The default of 64 KiB each would exhaust
// an ordinary user's pipe pages (fs.pipe-user-pages-soft) at 500 workers.
const (
	statsPipeSize  = MaxFrame
	stderrPipeSize = 16384 // a goroutine dump is written in many pieces; the supervisor reads while it comes
)

// StatsPipe returns a pipe for frames, both ends close-on-exec and never
// blocking: a supervisor that stands still must not stop a session.
func StatsPipe() (r, w int, err error) {
	return pipe("stats pipe", unix.O_CLOEXEC|unix.O_NONBLOCK, statsPipeSize)
}

// StderrPipe returns a pipe for a worker's standard error, close-on-exec. Only
// the reading end never blocks: the worker's writes wait, or a stack would come
// out with holes.
func StderrPipe() (r, w int, err error) {
	r, w, err = pipe("stderr pipe", unix.O_CLOEXEC, stderrPipeSize)
	if err != nil {
		return -1, -1, err
	}
	if err := neverBlock(r); err != nil {
		closeAll([]int{r, w})
		return -1, -1, fmt.Errorf("stderr pipe: %w", err)
	}
	return r, w, nil
}

// neverBlock is for a descriptor that was made just now: it has no other flag that could
// be lost, so that one call does.
func neverBlock(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, unix.O_NONBLOCK)
	return err
}

func pipe(name string, flags, size int) (r, w int, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], flags); err != nil {
		return -1, -1, fmt.Errorf("%s: %w", name, err)
	}
	// Without the limit the pipe works as well; the kernel refuses only to grow.
	unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, size)
	return p[0], p[1], nil
}
