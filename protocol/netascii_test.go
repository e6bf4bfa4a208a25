package protocol

import (
	"bytes"
	"testing"
)

var netasciis = []struct{ name, text, wire string }{
	{"nothing", "", ""},
	{"no line end", "abc", "abc"},
	{"LF is CR LF", "a\nb\n", "a\r\nb\r\n"},
	{"CR is CR NUL", "a\rb", "a\r\x00b"},
	{"CR LF is both", "a\r\nb", "a\r\x00\r\nb"},
	{"a CR at the end", "a\r", "a\r\x00"},
	{"NUL stands", "a\x00b", "a\x00b"},
	{"several in a row", "\n\n\r\r\n", "\r\n\r\n\r\x00\r\x00\r\n"},
	{"bytes above 127 stand", "\xff\n", "\xff\r\n"},
}

func TestNetascii(t *testing.T) {
	for _, tt := range netasciis {
		t.Run(tt.name, func(t *testing.T) {
			var e NetasciiEncoder
			if got := e.Append(nil, []byte(tt.text)); string(got) != tt.wire {
				t.Errorf("%q encodes to %q, want %q", tt.text, got, tt.wire)
			}
			for step := 1; step <= len(tt.wire)+1; step++ { // every border between calls
				if got := decodeBy(step, tt.wire); got != tt.text {
					t.Errorf("%q decodes by %d to %q, want %q", tt.wire, step, got, tt.text)
				}
			}
		})
	}
}

func TestNetasciiDecoderPassesWhatIsNotNetascii(t *testing.T) {
	tests := []struct{ name, wire, want string }{
		{"CR before another byte", "a\rb", "a\rb"},
		{"CR before CR LF", "\r\r\n", "\r\n"},
		{"CR before CR NUL", "\r\r\x00", "\r\r"},
		{"CR at the very end", "a\r", "a\r"},
		{"LF alone", "a\nb", "a\nb"},
		{"NUL alone", "a\x00b", "a\x00b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for step := 1; step <= len(tt.wire); step++ {
				if got := decodeBy(step, tt.wire); got != tt.want {
					t.Errorf("%q decodes by %d to %q, want %q", tt.wire, step, got, tt.want)
				}
			}
		})
	}
}

func decodeBy(step int, wire string) string {
	var d NetasciiDecoder
	var got []byte
	for len(wire) > 0 {
		n := min(step, len(wire))
		got = d.Append(got, []byte(wire[:n]))
		wire = wire[n:]
	}
	return string(d.Flush(got))
}

func TestNetasciiDoesNotAllocate(t *testing.T) {
	src := bytes.Repeat([]byte("line\r\n"), 80)
	dst := make([]byte, 0, 2*len(src))
	var e NetasciiEncoder
	var d NetasciiDecoder
	if n := testing.AllocsPerRun(100, func() { dst = e.Append(dst[:0], src); dst = d.Append(dst[:0], src) }); n != 0 {
		t.Errorf("%v allocations into a large enough buffer", n)
	}
}

func FuzzNetascii(f *testing.F) {
	for _, tt := range netasciis {
		f.Add([]byte(tt.text), 1)
		f.Add([]byte(tt.wire), 3)
	}
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		cut = int(uint(cut) % uint(len(text)+1))
		var e NetasciiEncoder
		wire := e.Append(nil, text[:cut])
		wire = e.Append(wire, text[cut:])
		if len(wire) > 2*len(text) {
			t.Fatalf("%d bytes became %d", len(text), len(wire))
		}
		for i, c := range wire { // on the wire a CR has its LF or NUL, a LF its CR
			if c == cr && (i+1 == len(wire) || wire[i+1] != lf && wire[i+1] != nul) || c == lf && (i == 0 || wire[i-1] != cr) {
				t.Fatalf("%q encodes to %q", text, wire)
			}
		}
		if got := decodeBy(max(cut, 1), string(wire)); got != string(text) {
			t.Fatalf("%q encodes to %q and decodes to %q", text, wire, got)
		}
		// What is not netascii decodes alike in one piece and in many.
		if one, many := decodeBy(len(text)+1, string(text)), decodeBy(max(cut, 1), string(text)); one != many || len(one) > len(text) {
			t.Fatalf("%q decodes to %q, by %d to %q", text, one, cut, many)
		}
	})
}
