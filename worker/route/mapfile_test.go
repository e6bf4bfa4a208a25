package route_test

import (
	"os"
	"strings"
	"testing"

	"brood/worker/route"
)

// inMapFile are the rows of README.md: what in.tftpd makes of names by a line of a
// map file, and the rule for it. "ERROR" and a text stand for that.
var inMapFile = []struct {
	line  string
	rule  route.Rule
	names map[string]string
}{
	{"r ^/tftpboot/", onward(replace("^/tftpboot/", "", "")), map[string]string{"/tftpboot/a": "a", "a/tftpboot/b": "a/tftpboot/b"}},
	{"r ^boot/ images/", onward(replace("^boot/", "images/", "")), map[string]string{"boot/boot/a": "images/boot/a", "Boot/a": "Boot/a"}},
	{"ri ^boot/ images/", blind(onward(replace("^boot/", "images/", ""))), map[string]string{"BOOT/a": "images/a"}},
	{"rg // /", onward(replace("//", "/", "until-gone")), map[string]string{"a////b///c": "a/b/c"}},
	{`rg \\ /`, onward(route.Rule{BackslashToSlash: true}), map[string]string{`\a\b`: "/a/b"}},
	{`r .* \L\0`, onward(route.Rule{FoldCase: "lower"}), map[string]string{"ABC": "abc"}},
	{`r ^cfg/([^/]*)/(.*)$ \2/\U\1\E.cfg`, onward(replace("^cfg/([^/]*)/(.*)$", `\2/\U\1\E.cfg`, "")), map[string]string{"cfg/ab/Cd": "Cd/AB.cfg"}},
	{`r ^conf$ conf/\i`, onward(replace("^conf$", `conf/\i`, "")), map[string]string{"conf": "conf/192.0.2.169"}},
	{`r ^conf$ conf/\x`, onward(replace("^conf$", `conf/\x`, "")), map[string]string{"conf": "conf/C00002A9"}},
	{"re ^boot/ images/", replace("^boot/", "images/", ""), map[string]string{"boot/a": "images/a"}},
	{`rs ^\./`, func() route.Rule { r := replace(`^\./`, "", ""); r.Then = "restart"; return r }(), map[string]string{"./././a": "a"}},
	{"e ^public/", route.Rule{Match: route.Match{Regexp: []string{"^public/"}}}, map[string]string{"public/a": "public/a"}},
	{"e~ ^private/", route.Rule{Not: route.Match{Regexp: []string{"^private/"}}}, map[string]string{"a": "a"}},
	{"a ^private/", route.Rule{Match: route.Match{Regexp: []string{"^private/"}}, Deny: true}, map[string]string{"private/a": "ERROR Access violation", "a": "a"}},
	{`a ^private/ Not\ for\ \i`, route.Rule{Match: route.Match{Regexp: []string{"^private/"}}, Error: &route.Refusal{Code: 2, Message: `Not\ for\ \i`}}, map[string]string{"private/a": "ERROR Not for 192.0.2.169"}},
	{"a~ ^public/", route.Rule{Not: route.Match{Regexp: []string{"^public/"}}, Deny: true}, map[string]string{"private/a": "ERROR Access violation", "public/a": "public/a"}},
	{"r4 ^ v4/", onward(route.Rule{Match: route.Match{Regexp: []string{"^"}, Client: []string{"0.0.0.0/0"}}, Replace: &route.Replace{With: "v4/"}}), map[string]string{"a": "v4/a"}},
	{"r6 ^ v6/", onward(route.Rule{Match: route.Match{Regexp: []string{"^"}, Client: []string{"::/0"}}, Replace: &route.Replace{With: "v6/"}}), map[string]string{"a": "a"}},
}

func onward(r route.Rule) route.Rule { r.Then = "continue"; return r }
func blind(r route.Rule) route.Rule  { r.IgnoreCase = true; return r }

func TestRulesOfAMapFile(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range inMapFile {
		if !strings.Contains(string(readme), "\n| `"+tt.line+"` | ") {
			t.Errorf("%q is no row of README.md", tt.line)
		}
		h := mustOpen(t, tt.rule)
		for file, want := range tt.names {
			d, err := h.Decide(from(file))
			got := strings.Join(d.Files, " ")
			if d.Err != nil {
				got = "ERROR " + d.Err.Message
			}
			if err != nil || got != want {
				t.Errorf("%s: %q becomes %q, %v; want %q", tt.line, file, got, err, want)
			}
		}
	}
}

// TestAWholeMapFile is README.md's, in both ways that it is said there.
func TestAWholeMapFile(t *testing.T) {
	t.Parallel()
	h := mustOpen(t,
		onward(route.Rule{BackslashToSlash: true}),
		onward(replace("^/+", "", "")),
		blind(onward(replace("^boot/(.*)$", `windows/\L\1`, ""))),
		onward(replace(`^pxelinux\.cfg/([0-9A-F]{8})$`, `hosts/\i`, "")),
		route.Rule{Match: route.Match{File: []string{"windows/**", "hosts/**"}}},
		route.Rule{Error: &route.Refusal{Code: 2, Message: "Nothing here for ${ip}"}},
	)
	for file, want := range map[string]string{
		`\Boot\BCD`:              "windows/bcd",
		"/pxelinux.cfg/C00002A9": "hosts/192.0.2.169",
		"pxelinux.0":             "",
	} {
		d, err := h.Decide(from(file))
		if got := strings.Join(d.Files, " "); err != nil || got != want || (d.Err != nil) != (want == "") {
			t.Errorf("%q becomes %q, ERROR %v, %v; want %q", file, got, d.Err, err, want)
		}
	}
}
