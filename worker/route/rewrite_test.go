package route_test

import (
	"reflect"
	"strings"
	"testing"

	"brood/protocol"
	"brood/worker/route"
)

// replace is what a rule of a map file does.
func replace(regexp, with string, times route.Times) route.Rule {
	return route.Rule{Match: route.Match{Regexp: []string{regexp}}, Replace: &route.Replace{With: with, Times: times}}
}

func TestWhatBecomesOfAName(t *testing.T) {
	t.Parallel()
	goesOn := func(r route.Rule, then route.Then) route.Rule { r.Then = then; return r }
	for _, tt := range []struct {
		name  string
		rules []route.Rule
		file  string
		want  string
	}{
		{"nothing", []route.Rule{{}}, "a/b", "a/b"},
		{"the match is replaced, the rest stays", []route.Rule{replace("b+", "X", "")}, "abbcb", "aXcb"},
		{"the match is taken out", []route.Rule{replace("^/+", "", "once")}, "//a//b", "a//b"},
		{"each match", []route.Rule{replace("//", "/", "each")}, "a////b//c", "a//b/c"},
		{"each match until none is left", []route.Rule{replace("//", "/", "until-gone")}, "a////b//c", "a/b/c"},
		{"each match with its groups", []route.Rule{replace("([a-z])([0-9])", `\2\1`, "each")}, "a1b2c", "1a2bc"},
		{"each match of the empty text", []route.Rule{replace("x*", "-", "each")}, "abc", "-a-b-c-"},
		{"groups and the whole match", []route.Rule{replace("^(a)(b)?(c)", `[\0|\1|\2|\3]`, "")}, "acd", "[ac|a||c]d"},
		{"the client's address", []route.Rule{replace("^", `\i/\x/`, "")}, "f", "192.0.2.169/C00002A9/f"},
		{"literal characters", []route.Rule{replace("x", `\\ \# \  \$ $ \q`, "")}, "x", `\ #   $ $ q`},
		{"a backslash at the end", []route.Rule{replace("x", `y\`, "")}, "x", `y\`},
		{"upper and lower case", []route.Rule{replace("^(.*)-(.*)-(.*)$", `\U\1a-\L\2B-\E\3Cc`, "")}, "aä-BÄ-cC", "AäA-bÄb-cCCc"},
		{"case of what comes from variables", []route.Rule{replace("x", `\L${ip-hex}\U${file}`, "")}, "ax", "ac00002a9AX"},
		{"matching without case", []route.Rule{func() route.Rule { r := replace("^BOOT/", "", ""); r.IgnoreCase = true; return r }()}, "Boot/BCD", "BCD"},
		{"the second regexp of a list matches", []route.Rule{{Match: route.Match{Regexp: []string{"^x(.)", "b(.)"}}, Replace: &route.Replace{With: `<\1>`}}}, "abcd", "a<c>d"},
		{"a whole name", []route.Rule{{Match: route.Match{Regexp: []string{`(?P<n>[0-9]+)`}}, Rewrite: "${n}/${file}"}}, "a17", "17/a17"},
		{"slashes", []route.Rule{{BackslashToSlash: true}}, `\Boot\\BCD`, "/Boot//BCD"},
		{"lower case, of A to Z", []route.Rule{{FoldCase: "lower"}}, "ABCÄxyz\xff", "abcÄxyz\xff"},
		{"upper case, of a to z", []route.Rule{{FoldCase: "upper"}}, "ABCäxyz", "ABCäXYZ"},
		{"in the order of the fields", []route.Rule{{Match: route.Match{File: []string{`*\\*`}}, Rewrite: `A\\${file}`, BackslashToSlash: true, FoldCase: "lower"}}, `B\C`, "a/b/c"},
		{"the rules below see the new name", []route.Rule{goesOn(replace("a", "b", ""), "continue"), goesOn(replace("^b", "c", ""), "continue"), replace("^cb$", "d", "")}, "ab", "d"},
		{"the first that ends is the last", []route.Rule{replace("a", "b", ""), replace("b", "c", "")}, "a", "b"},
		{"again from the first", []route.Rule{goesOn(replace("^c", "d", ""), "continue"), goesOn(replace("a", "b", ""), "continue"), goesOn(replace("b", "c", ""), "restart")}, "a", "d"},
		{"a restart to an indexed rule above", []route.Rule{{Match: route.Match{File: []string{"y"}}, Rewrite: "z"}, goesOn(replace("x", "y", ""), "restart")}, "x", "z"},
		{"groups of rules that went on", []route.Rule{
			{Match: route.Match{Regexp: []string{"^(?P<a>.)(?P<b>.)"}}, Then: "continue"},
			{Match: route.Match{Regexp: []string{"(?P<a>.)$"}}, Then: "continue"},
			{Rewrite: "${a}${b}"},
		}, "xyz", "zy"},
		{"groups of rules that did not apply are not there", []route.Rule{
			{Match: route.Match{Regexp: []string{"^(?P<a>.)"}, Client: []string{"10.0.0.0/8"}}, Then: "continue"},
			{Match: route.Match{Regexp: []string{"^(?P<a>.)"}}, Not: route.Match{File: []string{"x*"}}, Then: "continue"},
			{Rewrite: "${a}"},
			{Rewrite: "no"},
		}, "xyz", "no"},
		{"a rewrite needs its variables", []route.Rule{{Rewrite: "${mac}"}, {Rewrite: "no"}}, "f", "no"},
		{"a replacement needs its variables", []route.Rule{replace("f", "${mac}", ""), replace("f", "${mac}", "each"), replace("f", "${mac}", "until-gone"), {Rewrite: "no"}}, "f", "no"},
		{"a MAC is every rule's after the path", []route.Rule{
			{Match: route.Match{Regexp: []string{"01-(?P<mac>[0-9a-f-]+)$"}}, Then: "continue"},
			{Match: route.Match{MAC: []string{"52:54:00:12:34:56"}}, Rewrite: "${mac}/${mac-dashed}/${mac-plain}"},
		}, "pxelinux.cfg/01-52-54-00-12-34-56", "52:54:00:12:34:56/52-54-00-12-34-56/525400123456"},
		{"the address that was asked", []route.Rule{{Rewrite: "${local}/${ip}"}}, "f", "192.0.2.1/192.0.2.169"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, err := mustOpen(t, tt.rules...).Decide(from(tt.file))
			if err != nil || !reflect.DeepEqual(d.Files, []string{tt.want}) {
				t.Errorf("%q becomes %q, %v (by %+v); want %q", tt.file, d.Files, err, d.Passed, tt.want)
			}
		})
	}
}

func TestIPv6InTemplates(t *testing.T) {
	t.Parallel()
	h := mustOpen(t, route.Rule{Rewrite: `\i \x`})
	for addr, want := range map[string]string{
		"2001:db8::1":        "2001:db8::1 20010DB8000000000000000000000001",
		"fe80::1%eth0":       "fe80::1 FE800000000000000000000000000001",
		"::ffff:192.0.2.169": "192.0.2.169 C00002A9",
	} {
		if d, err := h.Decide(with(from("f"), peer(addr))); err != nil || !reflect.DeepEqual(d.Files, []string{want}) {
			t.Errorf("%s: %q, %v; want %q", addr, d.Files, err, want)
		}
	}
}

func TestFilesToTry(t *testing.T) {
	t.Parallel()
	h := mustOpen(t,
		route.Rule{Match: route.Match{Regexp: []string{"^(.*)\\.cfg$|(?P<x>x)"}}, TryFiles: []string{"${mac}/${file}", `\1/${ip}`, "${x}", "default"}},
		route.Rule{Match: route.Match{File: []string{"m"}}, TryFiles: []string{"${mac}"}},
		route.Rule{Match: route.Match{File: []string{"A/B"}}, FoldCase: "lower", TryFiles: []string{"x/${file}"}, Handler: "a"},
	)
	for _, tt := range []struct {
		name, file, mac string
		want            []string
	}{
		{"all are there", "a.cfg", "52:54:00:12:34:56", []string{"52:54:00:12:34:56/a.cfg", "a/192.0.2.169", "default"}},
		{"what the request lacks is left out", "a.cfg", "", []string{"a/192.0.2.169", "default"}},
		{"a rule of which all is left out does not apply", "m", "", []string{"m"}},
		{"the name is the one that the rule makes", "A/B", "", []string{"x/a/b"}},
	} {
		if d, err := h.Decide(with(from(tt.file), neighbour(tt.mac))); err != nil || !reflect.DeepEqual(d.Files, tt.want) {
			t.Errorf("%s: %q, %v; want %q", tt.name, d.Files, err, tt.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	h := mustOpen(t,
		route.Rule{Match: route.Match{File: []string{"deny"}}, Deny: true},
		route.Rule{Match: route.Match{Regexp: []string{"^(?P<what>secret)/(.*)"}}, Error: &route.Refusal{Code: 2, Message: `\U\2\E of ${what} is not for ${mac}`}},
		route.Rule{Match: route.Match{File: []string{"code"}}, Error: &route.Refusal{Code: 8}},
		route.Rule{Match: route.Match{File: []string{"a*"}}, Rewrite: "b", Error: &route.Refusal{Message: "${file}"}},
	)
	for file, want := range map[string]protocol.Error{
		"deny":       {Code: protocol.CodeAccessViolation, Message: "Access violation"},
		"secret/key": {Code: protocol.CodeAccessViolation, Message: "KEY of secret is not for ?"},
		"code":       {Code: protocol.CodeOptionRefused},
		"axx":        {Message: "b"},
	} {
		d, err := h.Decide(from(file))
		if err != nil || d.Err == nil || *d.Err != want || d.Handler != "" || d.Files != nil {
			t.Errorf("%s: %+v, %v, ERROR %+v; want %+v", file, d, err, d.Err, want)
		}
	}
	if d, err := h.Decide(from("secret/" + strings.Repeat("x", 2000))); err != nil || d.Err == nil {
		t.Errorf("%+v, %v", d, err)
	}
}
