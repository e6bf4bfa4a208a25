package exec

import (
	"bytes"
	"fmt"
	"io"

	"brood/protocol"
)

// Bounds of what is logged of a program, in bytes and lines.
const (
	maxSaid  = 4 << 10
	maxLines = 32
	maxQuote = 200
)

// A tail is the end of what a program wrote to standard error: programs say last
// what they died of.
type tail struct {
	kept []byte
	cut  bool // something stood before
}

func (t *tail) add(b []byte) {
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - maxSaid; over > 0 {
		t.kept, t.cut = append(t.kept[:0], t.kept[over:]...), true
	}
}

// lines returns the lines that are not empty.
func (t *tail) lines() (lines []string) {
	for line := range bytes.SplitSeq(t.kept, []byte("\n")) {
		if line = bytes.TrimRight(line, "\r"); len(line) > 0 {
			lines = append(lines, string(line))
		}
	}
	return lines
}

// print writes the lines to a worker's standard error, which the supervisor makes
// printable and logs; with the program's name in front, because "panic: " at the
// beginning of a line would be taken for the worker's end.
func (t *tail) print(w io.Writer, program string) {
	lines := t.lines()
	if over := len(lines) - maxLines; over > 0 {
		lines, t.cut = lines[over:], true
	}
	var b []byte
	if t.cut {
		b = fmt.Appendf(b, "%s: (it said more before)\n", program)
	}
	for _, line := range lines {
		b = fmt.Appendf(b, "%s: %s\n", program, line)
	}
	if len(b) > 0 {
		w.Write(b)
	}
}

// last returns what a program said last, for the end of an error's text.
func (t *tail) last() string {
	lines := t.lines()
	if len(lines) == 0 {
		return ""
	}
	line := lines[len(lines)-1]
	return "; it said last: " + protocol.Printable(line[:min(len(line), maxQuote)])
}
