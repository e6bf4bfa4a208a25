package supervisor

import (
	"slices"
	"strings"
	"testing"
)

// outputs are what a worker may write, and what is made of it.
var outputs = []struct {
	name  string
	in    string
	lines []string
	stack string
}{
	{"nothing", "", nil, ""},
	{"lines", "one\ntwo\n", []string{"one", "two"}, ""},
	{"empty lines are none", "\none\n\n\ntwo\n\n", []string{"one", "two"}, ""},
	{"a last line without its end", "one\ntw", []string{"one", "tw"}, ""},
	{"NULs and bytes of every kind", "a\x00b\xff\n\x1b[31m\n", []string{"a\x00b\xff", "\x1b[31m"}, ""},
	{"a carriage return belongs to its line", "one\r\n", []string{"one\r"}, ""},
	{"a line that is too long loses its end", strings.Repeat("x", maxLine+9) + "\nnext\n", []string{strings.Repeat("x", maxLine), "next"}, ""},
	{"a line of just the length", strings.Repeat("x", maxLine) + "\n", []string{strings.Repeat("x", maxLine)}, ""},
	{
		"a panic is kept whole",
		"hello\npanic: boom\n\ngoroutine 1 [running]:\nmain.main()\n",
		[]string{"hello"},
		"panic: boom\n\ngoroutine 1 [running]:\nmain.main()",
	},
	{"a fatal error is kept whole", "fatal error: all goroutines are asleep\n\nx\n", nil, "fatal error: all goroutines are asleep\n\nx"},
	{"a signal's dump is kept whole", "SIGQUIT: quit\nPC=0x1\n", nil, "SIGQUIT: quit\nPC=0x1"},
	{"a panic without its line's end", "panic: boom", nil, "panic: boom"},
	{"the word panic inside a line is no panic", "do not panic: all is well\n", []string{"do not panic: all is well"}, ""},
	{
		"a stack that is too long loses its end",
		"panic: x\n" + strings.Repeat("y", 2*maxStack), nil, "panic: x\n" + strings.Repeat("y", maxStack-len("panic: x\n")),
	},
	{"lines beyond the quota are not logged", strings.Repeat("x\n", maxLines+5), slices.Repeat([]string{"x"}, maxLines), ""},
	{"a panic beyond the quota of lines is kept", strings.Repeat("x\n", maxLines+5) + "panic: y\nz\n", slices.Repeat([]string{"x"}, maxLines), "panic: y\nz"},
}

// outputOf feeds in, cut where cuts say.
func outputOf(in []byte, cuts []byte) (o output, lines []string, stack string) {
	yield := func(line string) { lines = append(lines, line) }
	for _, c := range cuts {
		n := min(int(c), len(in))
		o.feed(in[:n], yield)
		in = in[n:]
	}
	o.feed(in, yield)
	return o, lines, o.last(yield)
}

func TestOutput(t *testing.T) {
	t.Parallel()
	for _, tt := range outputs {
		for _, cuts := range [][]byte{nil, {1}, slices.Repeat([]byte{1}, len(tt.in)), slices.Repeat([]byte{7}, len(tt.in)/7)} {
			_, lines, stack := outputOf([]byte(tt.in), cuts)
			if !slices.Equal(lines, tt.lines) || stack != tt.stack {
				t.Errorf("%s, in %d pieces: %.200q\n got lines %.200q, stack %.200q\nwant lines %.200q, stack %.200q",
					tt.name, len(cuts)+1, tt.in, lines, stack, tt.lines, tt.stack)
			}
		}
	}
}

func TestOutputCountsWhatItDoesNotLog(t *testing.T) {
	t.Parallel()
	o, _, _ := outputOf([]byte(strings.Repeat("x\n", maxLines+5)), nil)
	if o.cut != 5 {
		t.Errorf("%d lines were cut, want 5", o.cut)
	}
}

func TestOutputIsFullAtItsQuota(t *testing.T) {
	t.Parallel()
	var o output
	o.feed(make([]byte, outputQuota-1), func(string) {})
	if o.full() {
		t.Errorf("full after %d bytes, want only at %d", o.read, outputQuota)
	}
	o.feed([]byte{'\n'}, func(string) {})
	if !o.full() {
		t.Errorf("not full after %d bytes", o.read)
	}
}

// FuzzOutput: whatever a worker writes, in whatever pieces it arrives, costs a
// bounded amount of memory and gives the same lines and stack.
func FuzzOutput(f *testing.F) {
	for _, tt := range outputs {
		f.Add([]byte(tt.in), []byte{3, 1, 4})
	}
	f.Fuzz(func(t *testing.T, in, cuts []byte) {
		o, lines, stack := outputOf(in, cuts)
		if len(o.line) > maxLine || cap(o.line) > 4*maxLine || len(o.stack) > maxStack || cap(o.stack) > 4*maxStack {
			t.Fatalf("%d bytes of input left line %d/%d and stack %d/%d", len(in), len(o.line), cap(o.line), len(o.stack), cap(o.stack))
		}
		if len(lines) > maxLines {
			t.Fatalf("%d lines were logged, at most %d may be", len(lines), maxLines)
		}
		for _, line := range lines {
			if line == "" || len(line) > maxLine || strings.Contains(line, "\n") {
				t.Fatalf("%.100q is no line of at most %d bytes", line, maxLine)
			}
		}
		if o.read != len(in) {
			t.Fatalf("%d bytes counted of %d", o.read, len(in))
		}
		if _, whole, all := outputOf(in, nil); !slices.Equal(lines, whole) || stack != all {
			t.Fatalf("%.200q cut at %v gave %.200q and %.200q, in one piece %.200q and %.200q", in, cuts, lines, stack, whole, all)
		}
	})
}

func TestAProcessThatLivesLongIsCountedAnew(t *testing.T) {
	t.Parallel()
	var o output
	said := 0
	for range 3 {
		for range maxLines + 2 {
			o.feed([]byte("a line\n"), func(string) { said++ })
		}
		if o.cut != 2 {
			t.Errorf("%d lines too many, want 2", o.cut)
		}
		o.feed(make([]byte, outputQuota), func(string) {})
		if !o.full() {
			t.Error("it has said enough")
		}
		o.renew()
		if o.full() || o.cut != 0 {
			t.Errorf("after a minute: %+v", o)
		}
		o.feed([]byte("\n"), func(string) {}) // the end of what had none
		o.renew()
	}
	if said != 3*maxLines {
		t.Errorf("%d lines were logged, want %d", said, 3*maxLines)
	}
}
