package exec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// piece is how much is read at once, in bytes: what a pipe holds unless somebody
// has enlarged it, to maxPipe at most.
const (
	piece   = 64 << 10
	maxPipe = 1 << 20
)

// A collector gives a program its input and takes what it writes.
type collector struct {
	input  []byte // not yet read by the program's pipe
	output []byte
	max    int // bytes of output
	said   tail
	err    error // why the output can't be used
}

// attend serves p until it ends or ctx does, and leaves nothing of it behind.
func (c *collector) attend(ctx context.Context, p *process) (ended syscall.WaitStatus, err error) {
	defer p.close()
	killed := make(chan struct{})
	alive := context.AfterFunc(ctx, func() { defer close(killed); p.kill() })
	for running := true; running; {
		running = c.step(p)
	}
	if !alive() {
		<-killed // reaped before, p would be another's number
		c.err = context.Cause(ctx)
	}
	p.kill() // its children
	// What they wrote last is in the pipes, and is at hand. Who has left the group
	// may go on writing: the one loop ends at max, the other somewhere.
	for c.take(p) {
	}
	for range maxPipe / maxSaid {
		if !c.listen(p) {
			break
		}
	}
	if ended, err = p.reap(); err == nil {
		err = c.err
	}
	return ended, err
}

// step waits for the next thing to do and does it. It says whether p still runs.
func (c *collector) step(p *process) bool {
	ready := []unix.PollFd{
		{Fd: int32(p.pidfd), Events: unix.POLLIN},
		{Fd: int32(p.in), Events: unix.POLLOUT},
		{Fd: int32(p.out), Events: unix.POLLIN},
		{Fd: int32(p.diag), Events: unix.POLLIN},
	}
	if _, err := unix.Poll(ready, -1); errors.Is(err, unix.EINTR) {
		return true
	} else if err != nil {
		c.fail(p, err)
		return false // reaping waits for its end
	}
	if ready[1].Revents != 0 {
		c.give(p)
	}
	if ready[2].Revents != 0 {
		c.take(p)
	}
	if ready[3].Revents != 0 {
		c.listen(p)
	}
	return ready[0].Revents == 0
}

// fail kills p for an error, the first of which counts.
func (c *collector) fail(p *process, err error) {
	if c.err == nil {
		c.err = err
	}
	p.kill()
}

// give writes to the program's input, and ends it. A program need not read it.
func (c *collector) give(p *process) {
	n, err := unix.Write(p.in, c.input)
	c.input = c.input[max(n, 0):]
	if len(c.input) == 0 || err != nil && !later(err) {
		ipc.CloseFD(p.in)
		p.in = -1
	}
}

// take reads a piece of the output, and says whether there may be more.
func (c *collector) take(p *process) bool {
	c.output = slices.Grow(c.output, piece)
	n, more := read(&p.out, c.output[len(c.output):cap(c.output)])
	c.output = c.output[:len(c.output)+n]
	if len(c.output) > c.max {
		c.output = nil
		c.fail(p, fmt.Errorf("wrote more than %d bytes, and was killed", c.max))
		ipc.CloseFD(p.out)
		p.out = -1
		return false
	}
	return more
}

// listen is take for the diagnostics, of which the end is kept.
func (c *collector) listen(p *process) bool {
	b := make([]byte, maxSaid)
	n, more := read(&p.diag, b)
	c.said.add(b[:n])
	return more
}

// read reads what there is, and closes fd at its end.
func read(fd *int, b []byte) (n int, more bool) {
	if *fd < 0 {
		return 0, false
	}
	n, err := unix.Read(*fd, b)
	switch {
	case n > 0:
		return n, true
	case later(err):
		return 0, errors.Is(err, unix.EINTR)
	}
	ipc.CloseFD(*fd)
	*fd = -1
	return 0, false
}

func later(err error) bool { return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) }
