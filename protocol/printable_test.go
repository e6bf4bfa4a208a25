package protocol

import (
	"strconv"
	"strings"
	"testing"
)

var printables = []struct{ name, in, want string }{
	{"a common name stands", "boot/pxelinux.0", "boot/pxelinux.0"},
	{"nothing stands", "", ""},
	{"backslashes stand", `\boot\x86`, `\boot\x86`},
	{"a space stands", "a b", "a b"},
	{"other scripts stand", "größe-日本", "größe-日本"},
	{"a quotation mark inside stands", `a"b`, `a"b`},
	{"a quotation mark in front is quoted", `"a"`, `"\"a\""`},
	{"a line end is quoted", "a\nb", `"a\nb"`},
	{"an escape sequence is quoted", "\x1b[31m", `"\x1b[31m"`},
	{"what is not UTF-8 is quoted", "\xff\xfe", `"\xff\xfe"`},
	{"a NUL is quoted", "a\x00", `"a\x00"`},
	{"a turn of the writing direction is quoted", "a\u202eb", `"a\u202eb"`},
	{"a space of no width is quoted", "a\u200bb", `"a\u200bb"`},
}

func TestPrintable(t *testing.T) {
	for _, tt := range printables {
		t.Run(tt.name, func(t *testing.T) {
			if got := Printable(tt.in); got != tt.want {
				t.Errorf("Printable(%q) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}

func FuzzPrintable(f *testing.F) {
	for _, tt := range printables {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := Printable(name)
		if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x202e }) {
			t.Fatalf("Printable(%q) = %q", name, got)
		}
		back := got // no two names print alike: the name can be read back
		if strings.HasPrefix(got, `"`) {
			var err error
			if back, err = strconv.Unquote(got); err != nil {
				t.Fatalf("Printable(%q) = %s: %v", name, got, err)
			}
		}
		if back != name {
			t.Fatalf("Printable(%q) = %s, read back as %q", name, got, back)
		}
	})
}
