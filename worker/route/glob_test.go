package route

import (
	"strings"
	"testing"
	"unicode/utf8"
)

var globs = []struct {
	pattern, name string
	fold, want    bool
}{
	{"a", "a", false, true},
	{"a", "b", false, false},
	{"a", "", false, false},
	{"*", "", false, true},
	{"*", "abc", false, true},
	{"*", "a/c", false, false},
	{"**", "a/c", false, true},
	{"***", "a/c", false, true},
	{"?", "a", false, true},
	{"?", "/", false, false},
	{"?", "ä", false, true},
	{"?", "\xff", false, true},
	{"??", "\xff\xfe", false, true},
	{"?", "ab", false, false},
	{"a*b", "ab", false, true},
	{"a*b", "axxbxb", false, true},
	{"a*b", "ax/b", false, false},
	{"a**b", "ax/xb", false, true},
	{"*/x*/*", "a/xb/c", false, true},
	{"*x/*", "axbx/y", false, true},
	{"**/b*", "a/c/bx", false, true},
	{"**/b*", "a/b/c", false, false},
	{"**/b*c", "b/bx/a/byc", false, true},
	{"**a*b", "a/xab", false, true},
	{"*a**b*c", "xa/y/bzc", false, true},
	{"[a-c]", "b", false, true},
	{"[a-c]", "d", false, false},
	{"[^a-c]", "d", false, true},
	{"[!a-c]", "b", false, false},
	{"[^a]", "/", false, false},
	{"[/]", "/", false, false},
	{"[]a]", "]", false, true},
	{"[a-]", "-", false, true},
	{`[\]]`, "]", false, true},
	{`[\a-\c]`, "b", false, true},
	{"[ä-ö]", "ö", false, true},
	{`\*`, "*", false, true},
	{`\*`, "a", false, false},
	{`a\\b`, `a\b`, false, true},
	{"AbC", "aBc", true, true},
	{"[a-c]", "B", true, true},
	{"[A-C]", "b", true, true},
	{`\A`, "a", true, true},
	{"Ä", "ä", true, false}, // A to Z only
}

func TestGlobs(t *testing.T) {
	t.Parallel()
	for _, tt := range globs {
		if _, _, err := checkGlob(tt.pattern); err != nil {
			t.Errorf("%q: %v", tt.pattern, err)
		}
		if got := matchGlob(tt.pattern, tt.name, tt.fold); got != tt.want {
			t.Errorf("%q matches %q, fold %v: %v, want %v", tt.pattern, tt.name, tt.fold, got, tt.want)
		}
	}
}

// slowGlob tries everything.
func slowGlob(pattern, name string) bool {
	switch {
	case pattern == "":
		return name == ""
	case strings.HasPrefix(pattern, "**"):
		return slowGlob(pattern[2:], name) || name != "" && slowGlob(pattern, name[1:])
	case pattern[0] == '*':
		return slowGlob(pattern[1:], name) || name != "" && name[0] != '/' && slowGlob(pattern, name[1:])
	case name == "":
		return false
	}
	width, step := matchOne(pattern, name, false)
	return width > 0 && slowGlob(pattern[step:], name[width:])
}

func FuzzGlobAsWhoTriesEverything(f *testing.F) {
	for _, tt := range globs {
		f.Add(tt.pattern, tt.name)
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		prefix, whole, err := checkGlob(pattern)
		got := matchGlob(pattern, name, false)
		if err != nil || len(pattern) > 12 || len(name) > 20 {
			return // it must not panic, and the slow one is too slow
		}
		// The two may begin a star within a character; where all is ASCII they can't.
		if ascii(pattern) && ascii(name) && got != slowGlob(pattern, name) {
			t.Fatalf("%q matches %q: %v", pattern, name, got)
		}
		if got && !strings.HasPrefix(name, prefix) || whole && got != (name == prefix) {
			t.Fatalf("%q matches %q: %v, but it begins with %q (all of it: %v)", pattern, name, got, prefix, whole)
		}
	})
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// Whoever tries everything would not end.
func TestALongNameCostsNoMoreThanItsLengthSquared(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"**a*a*a*a*b", "*a*a*a*a*a*a*b", "**a**a**a**a**b", "**/a*/b*/c*x"} {
		for _, name := range []string{strings.Repeat("a", 2000), strings.Repeat("a/", 1000), strings.Repeat("/a/b/c", 330)} {
			if matchGlob(pattern, name, false) {
				t.Errorf("%q matches %.20q", pattern, name)
			}
		}
	}
}
