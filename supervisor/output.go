package supervisor

import (
	"bytes"
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

// Bounds of what is read of a process's standard error, in bytes and lines: a
// worker's in each session, a helper's in each minute. One that writes more is ended:
// read no further it would block for ever, and a worker's session would never end.
const (
	outputQuota = 256 << 10
	maxLine     = 1024
	maxLines    = 64
	maxStack    = 16 << 10
)

// output cuts a worker's or a helper's standard error into log lines, until a line looks like
// the runtime's last words: from there on it is kept whole, as the stack.
type output struct {
	line  []byte
	stack []byte
	dying bool
	read  int // bytes
	lines int
	cut   int // lines that were not logged
}

// lastWords begin what the Go runtime prints when it ends a process.
var lastWords = [...]string{"panic: ", "fatal error: ", "runtime: ", "SIG", "unexpected fault address"}

// take reads what there is, with at most so many reads, and says whether more can
// come.
func (o *output) take(fd, reads int, yield func(string)) (open bool) {
	var buf [4096]byte
	for range reads {
		n, err := unix.Read(fd, buf[:])
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			return true
		case err != nil || n <= 0:
			return false
		}
		o.feed(buf[:n], yield)
		if n < len(buf) {
			break
		}
	}
	return true
}

// renew begins to count anew, for a process that is to live long.
func (o *output) renew() { o.read, o.lines, o.cut = 0, 0, 0 }

// feed calls yield for each line that chunk completes.
func (o *output) feed(chunk []byte, yield func(string)) {
	o.read += len(chunk)
	for len(chunk) > 0 {
		if o.dying {
			o.stack = append(o.stack, chunk[:min(len(chunk), maxStack-len(o.stack))]...)
			return
		}
		head, rest, complete := bytes.Cut(chunk, []byte("\n"))
		o.line = append(o.line, head[:min(len(head), maxLine-len(o.line))]...)
		chunk = rest
		if complete {
			o.endLine(yield)
		}
	}
}

func (o *output) endLine(yield func(string)) {
	line := string(o.line)
	o.line = o.line[:0]
	for _, w := range lastWords {
		if strings.HasPrefix(line, w) {
			o.dying = true
			o.keep(line)
			return
		}
	}
	o.lines++
	if o.lines > maxLines {
		o.cut++
		return
	}
	if line != "" {
		yield(line)
	}
}

// keep holds a line back for the stack.
func (o *output) keep(line string) {
	o.stack = append(o.stack, line[:min(len(line), maxStack-len(o.stack))]...)
	if len(o.stack) < maxStack {
		o.stack = append(o.stack, '\n')
	}
}

// takeKept returns what was held back, if it is no stack, and forgets it.
func (o *output) takeKept() string {
	if o.dying {
		return ""
	}
	kept := string(o.stack)
	o.stack = nil
	return kept
}

// last returns what the process said last, if it was not logged line by line; an
// unfinished line counts as one.
func (o *output) last(yield func(string)) string {
	if len(o.line) > 0 {
		o.endLine(yield)
	}
	return strings.TrimRight(string(o.stack), "\n")
}

// full says that this process has said enough.
func (o *output) full() bool { return o.read >= outputQuota }
