package name

import (
	"slices"
	"testing"
)

func TestSplit(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want []string // nil: refused as a directory's name
	}{
		{"a plain name", "pxelinux.0", []string{"pxelinux.0"}},
		{"a leading slash", "/pxelinux.0", []string{"pxelinux.0"}},
		{"many leading slashes", "////pxelinux.0", []string{"pxelinux.0"}},
		{"slashes in the middle", "a//b///c", []string{"a", "b", "c"}},
		{"backslashes, as Windows boot managers send them", `\Boot\BCD`, []string{"Boot", "BCD"}},
		{"both", `/Boot\Fonts//\wgl4_boot.ttf`, []string{"Boot", "Fonts", "wgl4_boot.ttf"}},
		{"dots that mean nothing", "./a/./b", []string{"a", "b"}},
		{"dots that mean the directory above stay", "a/../b", []string{"a", "..", "b"}},
		{"above the root", `..\../x`, []string{"..", "..", "x"}},
		{"three dots are a name", "a/...", []string{"a", "..."}},
		{"a dot file", ".config", []string{".config"}},
		{"bytes that aren't UTF-8", "a\xff/\xc3\x28", []string{"a\xff", "\xc3\x28"}},
		{"percent signs", "%2e%2e/x", []string{"%2e%2e", "x"}},
		{"spaces", " a / b ", []string{" a ", " b "}},

		{"nothing", "", nil},
		{"the root", "/", nil},
		{"the root in slashes", `/\//`, nil},
		{"the root as a dot", ".", nil},
		{"the root as dots", "./.", nil},
		{"a trailing slash", "a/b/", nil},
		{"a trailing backslash", `a\`, nil},
		{"a trailing dot", "a/.", nil},
		{"the directory above", "a/..", nil},
		{"the directory above the root", "..", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Split(tt.in)
			if !slices.Equal(got, tt.want) || ok != (tt.want != nil) {
				t.Errorf("Split(%q) = %q, %v; want %q", tt.in, got, ok, tt.want)
			}
		})
	}
}

func TestPathIsTheOneSpellingOfAName(t *testing.T) {
	for in, want := range map[string]string{
		"pxelinux.0": "pxelinux.0", `\Boot//.\BCD`: "Boot/BCD", "//a/...": "a/...", "a\xff": "a\xff",
		"": "", "/": "", "a/": "", ".": "", "..": "", "../a": "", "a/../b": "", `a\..\b`: "", "a\x00": "", "\x00/a": "", // "": it has none
	} {
		if got, err := Path(in); got != want || (err == nil) != (want != "") {
			t.Errorf("Path(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}
