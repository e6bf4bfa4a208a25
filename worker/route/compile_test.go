package route_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"brood/worker"
	"brood/worker/route"
)

func TestCompileNamesTheRuleTheFieldAndWhatItWants(t *testing.T) {
	t.Parallel()
	match := func(m route.Match) route.Rule { return route.Rule{Match: m} }
	for _, tt := range []struct {
		rule  route.Rule
		field string
		want  string // a part of it
	}{
		{match(route.Match{File: []string{"a", ""}}), "match.file.1", "want a glob"},
		{match(route.Match{File: []string{"[a"}}), "match.file.0", `write \[`},
		{match(route.Match{File: []string{"[]"}}), "match.file.0", `write \[`},
		{match(route.Match{File: []string{`a\`}}), "match.file.0", `write \\`},
		{match(route.Match{File: []string{`*\`}}), "match.file.0", `write \\`},
		{match(route.Match{Regexp: []string{"x", "("}}), "match.regexp.1", "missing closing )"},
		{match(route.Match{Regexp: []string{"(?P<ip>x)"}}), "match.regexp.0", `"ip"`},
		{match(route.Match{Client: []string{"10.0.0/8"}}), "match.client.0", `"10.0.0/8", want an address or a prefix`},
		{match(route.Match{Client: []string{"10.0.0.1/8"}}), "match.client.0", "want 10.0.0.0/8 or 10.0.0.1"},
		{match(route.Match{Client: []string{"::ffff:10.0.0.1"}}), "match.client.0", "want it as IPv4"},
		{match(route.Match{Local: []string{"fe80::1%eth0"}}), "match.local.0", "want an address"},
		{match(route.Match{MAC: []string{"52:54:0"}}), "match.mac.0", "want a MAC"},
		{match(route.Match{MAC: []string{""}}), "match.mac.0", "want a MAC"},
		{match(route.Match{Option: []string{"=1"}}), "match.option.0", "want an option's name"},
		{route.Rule{Not: route.Match{Client: []string{"x"}}}, "not.client.0", "want an address"},
		{route.Rule{Not: route.Match{Regexp: []string{"["}}}, "not.regexp.0", "missing closing ]"},
		{route.Rule{FoldCase: "down"}, "fold-case", "want lower or upper"},
		{route.Rule{Rewrite: "${who}"}, "rewrite", "${who}, which is no group"},
		{route.Rule{Rewrite: "${who"}, "rewrite", "without its }"},
		{route.Rule{Rewrite: `\1`}, "rewrite", "match.regexp is empty"},
		{route.Rule{Rewrite: "a\x00"}, "rewrite", "NUL"},
		{route.Rule{Match: route.Match{Regexp: []string{"(a)(b)", "(a)"}}, Rewrite: `\2`}, "rewrite", "has 1 groups"},
		{route.Rule{Match: route.Match{Regexp: []string{"a"}}, Rewrite: "x", Replace: &route.Replace{}}, "replace", "want one of them"},
		{route.Rule{Replace: &route.Replace{}}, "replace", "match.regexp is empty"},
		{route.Rule{Not: route.Match{Regexp: []string{"a"}}, Replace: &route.Replace{}}, "replace", "match.regexp is empty"},
		{replace("a", `\1`, ""), "replace.with", "has 0 groups"},
		{replace("a", "", "twice"), "replace.times", "want once, each or until-gone"},
		{replace("a*", "", "until-gone"), "match.regexp.0", "never gone"},
		{route.Rule{Then: "stop"}, "then", "want end, continue or restart"},
		{route.Rule{Then: "restart"}, "then", "for ever"},
		{route.Rule{Then: "continue", Handler: "a"}, "handler", "want one of the two"},
		{route.Rule{Then: "continue", Deny: true}, "deny", "want one of the two"},
		{route.Rule{Then: "continue", TryFiles: []string{"a"}}, "try-files", "want one of the two"},
		{route.Rule{Deny: true, Error: &route.Refusal{}}, "error", "want one of them"},
		{route.Rule{Deny: true, Handler: "a"}, "deny", "beside handler"},
		{route.Rule{Error: &route.Refusal{Code: 9}}, "error.code", "want 0 to 8"},
		{route.Rule{Error: &route.Refusal{Message: "${who}"}}, "error.message", "${who}"},
		{route.Rule{TryFiles: []string{"a", ""}}, "try-files.1", "is empty"},
		{route.Rule{TryFiles: []string{"a", "${who}"}}, "try-files.1", "${who}"},
		{route.Rule{Quirks: worker.Quirks{MaxBlksize: 7}}, "quirks.max-blksize", "want 8 to 65464"},
		{route.Rule{Quirks: worker.Quirks{MaxWindowsize: -1}}, "quirks.max-windowsize", "want 1 to 65535"},
		{route.Rule{Quirks: worker.Quirks{MTU: 67}}, "quirks.mtu", "want 68 to 65535"},
		{route.Rule{Quirks: worker.Quirks{Rollover: 2}}, "quirks.rollover", "want 0 to 1"},
		{route.Rule{Quirks: worker.Quirks{MTUClamp: "yes"}}, "quirks.mtu-clamp", "want on or off"},
		{route.Rule{Quirks: worker.Quirks{IgnoreOptions: []string{""}}}, "quirks.ignore-options.0", "want an option's name"},
	} {
		t.Run(tt.field+" "+tt.want, func(t *testing.T) {
			t.Parallel()
			tt.rule.Name = "bad"
			b, err := route.Compile([]route.Rule{{}, tt.rule})
			var e *route.RuleError
			if !errors.As(err, &e) {
				t.Fatalf("%+v compiled to %d bytes, %v", tt.rule, len(b), err)
			}
			if e.Rule != 2 || e.Name != "bad" || e.Field != tt.field || !strings.Contains(e.Err.Error(), tt.want) {
				t.Errorf("%v; want %q of rule 2, with %q", err, tt.field, tt.want)
			}
			if start := `rule 2 "bad": ` + tt.field + ": "; !strings.HasPrefix(err.Error(), start) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q; want one line that begins with %q", err, start)
			}
		})
	}
}

func TestCompileTellsAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := route.Compile([]route.Rule{
		{Match: route.Match{File: []string{"["}, Client: []string{"x", "y"}}, FoldCase: "x"},
		{},
		{Then: "x"},
	})
	all, ok := err.(interface{ Unwrap() []error })
	if !ok || len(all.Unwrap()) != 5 {
		t.Fatalf("%v; want five faults", err)
	}
	for _, err := range all.Unwrap() {
		if e := (*route.RuleError)(nil); !errors.As(err, &e) || e.Rule == 2 {
			t.Errorf("%v; want a *RuleError of rule 1 or 3", err)
		}
	}
}

func TestTheSameRulesMakeTheSameTable(t *testing.T) {
	t.Parallel()
	a, errA := route.Compile(mix(300))
	b, errB := route.Compile(mix(300))
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("%d and %d bytes, %v, %v", len(a), len(b), errA, errB)
	}
}

func TestOpenRefusesWhatIsNoTable(t *testing.T) {
	t.Parallel()
	table, err := route.Compile(mix(50))
	if err != nil {
		t.Fatal(err)
	}
	for i := range table {
		if _, err := route.Open(table[:i], stubs); err == nil {
			t.Fatalf("opened the first %d bytes of %d", i, len(table))
		}
	}
	if _, err := route.Open(append(table, 0), stubs); err == nil {
		t.Error("opened a table with a byte too many")
	}
	if _, err := route.Open([]byte(strings.Repeat("rules: []\n", 100)), stubs); err == nil || !strings.Contains(err.Error(), "compile the rules again") {
		t.Errorf("text: %v", err)
	}
}

func TestOpenWantsEveryHandlerThatRulesName(t *testing.T) {
	t.Parallel()
	table, err := route.Compile([]route.Rule{{Handler: "files"}, {Handler: "render"}, {}, {Deny: true}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = route.Open(table, map[string]worker.Handler{"files": worker.HandlerFunc(nil)})
	if err == nil || !strings.Contains(err.Error(), `["render" "default"]`) {
		t.Errorf("%v; want both names", err)
	}
	if table, err = route.Compile(nil); err == nil {
		_, err = route.Open(table, nil)
	}
	if err != nil {
		t.Errorf("no rules and no handlers: %v", err)
	}
}
