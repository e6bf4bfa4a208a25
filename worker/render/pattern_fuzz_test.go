package render

import (
	"regexp"
	"strings"
	"testing"
)

var groups = regexp.MustCompile(`\{(\w+)\}`)

// Every pattern that is accepted compiles, and what it takes out of a name, put where
// the groups stand, is that name again, if it has no star.
func FuzzPattern(f *testing.F) {
	for _, s := range [][2]string{
		{"pxelinux.cfg/01-{mac}", "pxelinux.cfg/01-52-54-00-12-34-56"},
		{"{name}.cfg", "a.cfg"},
		{"{mac}.{serial}", "5254.0012.3456.x"},
		{"**", "a/b"},
		{"*/x*", "a/xb"},
		{"{a}{b}", "xy"},
		{"{a}.{b}", "1x2"},
		{"a.b", "axb"},
		{"{x", "{x"},
		{"x}", "x}"},
		{"{x}x{x}", ""},
		{"\n{y}\xff", "\nz\xff"},
		{"(?i)[a]", "A"},
		{"***", ""},
		{"", ""},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, file, name string) {
		p, err := parsePattern(file)
		if err != nil {
			return
		}
		found, err := p.match(name)
		if err != nil {
			t.Fatalf("%q is accepted, and %v", file, err)
		}
		if found == nil || strings.Contains(file, "*") {
			return
		}
		again := groups.ReplaceAllStringFunc(file, func(group string) string { return found[group[1:len(group)-1]].(string) })
		if again != name {
			t.Fatalf("%q takes %q out of %q", file, found, name)
		}
	})
}
