package document

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"brood/cmd/internal/config"
)

func TestFaultsSayWhereAndWhatIsWanted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"an unknown key", "rot: /srv", []string{"f:1:1: rot: no such key; did you mean root?"}},
		{"a key that is like none", "frobnicate: 1", []string{"f:1:1: frobnicate: no such key"}},
		{"a flag in place of a key", "--root: /srv", []string{"f:1:1: --root: no such key; did you mean root?"}},
		{"capitals", "ROOT: /srv", []string{"f:1:1: ROOT: no such key; did you mean root?"}},
		{"a number that is none", "max-idle: lots", []string{`f:1:11: "lots": want a whole number`}},
		{"a count below 0", "retries: -1\nroot: /", []string{`f:1:10: "-1": want a whole number, 0 for none`}},
		{"a number without a unit", "timeout: 10", []string{`f:1:10: "10": want a duration with its unit, such as 500ms, 10s or 5m`}},
		{"a duration of nothing", "timeout: 0s", []string{`f:1:10: "0s": want a duration`}},
		{"a span", "stall-timeout: never", []string{`f:1:16: "never": want a duration with its unit, such as 10s, 5m or 24h, or 0 for any time`}},
		{"a word of YAML 1.1", "single-port: yes", []string{`f:1:14: "yes": want true or false`}},
		{"a toggle", "penalties: true", []string{`f:1:12: "true": want on or off`}},
		{"one of several words", "log-level: loud", []string{`f:1:12: "loud": want trace, debug, info, warn or error`}},
		{"a value for a list", "listen: :69", []string{`f:1:9: ":69"; want a list, each line of it after a dash`}},
		{"a list for a value", "root: [a]", []string{"f:1:7: a list; want a single value"}},
		{"a mapping for a value", "root: {a: b}", []string{"f:1:7: a mapping; want a single value"}},
		{"an address", "listen:\n- localhost:69", []string{`f:2:3: listen address "localhost:69": want ADDRESS:PORT`}},
		{"a prefix", "root: /\nallow:\n  - 10.0.0.0/33", []string{`f:3:5: `}},
		{"a port range", "port-range: 9-1", []string{`f:1:13: port range "9-1": want LOW-HIGH`}},
		{"an empty path", `root: ""`, []string{`f:1:7: "": want a directory's path`}},
		{"a list of handlers", "content: [a]", []string{"f:1:10: a list; want a mapping"}},
		{"an unknown handler", "content:\n  a: {flies: {root: /}}", []string{"f:2:7: flies: no such kind; did you mean files?"}},
		{"an empty handler", "content: {a: {}}", []string{"f:1:14: empty; want one of "}},
		{"a handler of two kinds", "content: {a: {files: {root: /}, files: {root: /}}}", []string{"f:1:33: files: said twice; the first is in line 1"}},
		{"a handler's key", "content: {a: {files: {root: /, folow: []}}}", []string{"f:1:32: folow: no such key; did you mean follow?"}},
		{"a handler without what it needs", "content: {a: {files: {}}}", []string{"f:1:15: files: root \"\": no directory given"}},
		{"a default that is not there", "content: {a: {files: {root: /}}}\ndefault: b", []string{`f:2:10: "b": no content has this name; want a`}},
		{"a rule that hands to nobody", "root: /\nrules:\n  - {handler: rot}", []string{`f:3:15: handler "rot": no content has this name; want root`}},
		{"a rule that needs a default", "content: {a: {virtual: {}}, b: {virtual: {}}}\nrules:\n  - {match: {file: [x]}}", []string{"f:3:5: handler: want a or b, because there is no default"}},
		{"a rule's regexp", "root: /\nrules:\n  - match:\n      regexp: ['(']", []string{"f:4:16: match.regexp.0: "}},
		{"a rule's key", "root: /\nrules:\n  - {mach: {}}", []string{"f:3:6: mach: no such key; did you mean match?"}},
		{"a virtual file's name", "content: {a: {virtual: {text: {../x: y}}}}", []string{"f:1:15: virtual: text \"../x\""}},
		{"an inventory that is not there", "content: {a: {render: {templates: /, inventory: /no/such}}}", []string{"f:1:15: stat /no/such: no such file or directory"}},
		{"a root and content", "content: {a: {files: {root: /}}}\nroot: /", []string{"f:2:7: root and content: say one of them"}},
		{"follow without a root", "follow: [/]", []string{"f:1:1: follow without a root"}},
		{"values that don't fit", "min-idle: 9\nmax-idle: 3\nsingle-port: true\nport-range: 1-2\n", []string{"f:2:11: max-idle 3: want at least min-idle, 9", "f:4:13: port-range 1-2 and single-port"}},
		{"a key twice", "root: a\nroot: b", []string{"f:2:1: root: said twice; the first is in line 1"}},
		{"two documents", "root: a\n---\nroot: b", []string{"f:2:1: a second document begins here; want one"}},
		{"a tag", "root: !secret x", []string{"f:1:7: !secret: a tag; want a single value"}},
		{"no YAML", "root: [a", []string{"f:2:1: not YAML: did not find expected ',' or ']' (while parsing a flow sequence that begins in line 1)"}},
		{"an anchor that is not there", "root: *a", []string{"f:1:7: not YAML: unknown anchor"}},
		{"bytes that are no text", "root: a\nuser: \xff\n", []string{"f:2:7: not YAML: "}},
		{"a list at the top", "- a", []string{"f:1:1: a list; want a mapping"}},
		{"a text at the top", "hello", []string{`f:1:1: "hello"; want a mapping`}},
		{"a list as a key", "? [a]\n: b", []string{"f:1:3: a list; want a key"}},
		{"all faults in the order of the text", "rot: a\nretries: x\nallow: 1\n", []string{"f:1:1: rot", "f:2:10: ", "f:3:8: "}},
	} {
		_, err := Read("f", []byte(tt.text))
		var faults Faults
		if !errors.As(err, &faults) || len(faults) != len(tt.want) {
			t.Errorf("%s: %q: %v, want %d faults", tt.name, tt.text, err, len(tt.want))
			continue
		}
		for i, want := range tt.want {
			if got := faults[i].Error(); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %q: fault %q, want %q", tt.name, tt.text, got, want)
			}
		}
	}
}

func TestWhatAFileSays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		want       []config.Setting
	}{
		{"nothing", "", nil},
		{"comments", "# nothing\n", nil},
		{"keys without a value", "root:\nlisten:\n", nil},
		{"a path beside the file", "root: srv", []config.Setting{{Key: "root", Values: []string{"/etc/brood/srv"}}}},
		{"an absolute path", "root: /srv/../x", []config.Setting{{Key: "root", Values: []string{"/x"}}}},
		{"text that looks like a number", "user: 65534", []config.Setting{{Key: "user", Values: []string{"65534"}}}},
		{"0 is none", "retries: 0\nstall-timeout: 0", []config.Setting{{Key: "retries", Values: []string{"0"}}, {Key: "stall-timeout", Values: []string{"0s"}}}},
		{"a list", `listen: [":69", "[::1]:69"]`, []config.Setting{{Key: "listen", Values: []string{":69", "[::1]:69"}}}},
		{"an alias", "max-sessions: &n 7\nmax-idle: *n", []config.Setting{{Key: "max-idle", Values: []string{"7"}}, {Key: "max-sessions", Values: []string{"7"}}}},
	} {
		f, err := Read("/etc/brood/f", []byte(tt.text))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if got := config.Settings(&f.Server); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %q says %v, want %v", tt.name, tt.text, got, tt.want)
		}
	}
}

func TestMergedKeysAreUnderThoseThatAreSaid(t *testing.T) {
	t.Parallel()
	f, err := Read("f", []byte("content:\n  a:\n    files: &base {root: /a, follow: [/x]}\n  b:\n    files: {<<: *base, root: /b}\ndefault: a\n"))
	if err != nil {
		t.Fatal(err)
	}
	paths := func(name string) string {
		for _, p := range f.Compiled.Handlers {
			if p.Name == name {
				return strings.Join(p.Reads, " ")
			}
		}
		return ""
	}
	if a, b := paths("a"), paths("b"); a != "/a /x" || b != "/b /x" {
		t.Errorf("a reads %s, b reads %s", a, b)
	}
}

// Ten lines must not become a billion values.
func TestAliasesThatMultiplyAreRefused(t *testing.T) {
	t.Parallel()
	text := "content:\n  a: &a {files: {root: /}}\nallow: &b0 [1.1.1.1]\n"
	line := "x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n"
	for i := range 9 {
		n, m := string(rune('0'+i)), string(rune('1'+i))
		line += "x" + m + ": &x" + m + " [" + strings.Repeat("*x"+n+", ", 9) + "*x" + n + "]\n"
	}
	if _, err := Read("f", []byte(text+line+"listen: *x9\n")); err == nil {
		t.Error("accepted")
	}
	if _, err := Read("f", []byte("content: {a: {render: {templates: /, vars: {a: &a [*a]}}}}")); err == nil {
		t.Error("a list in itself is accepted")
	}
	if _, err := Read("f", []byte("listen: &l [*l]")); err == nil {
		t.Error("a list in itself is accepted")
	}
	if _, err := Read("f", []byte("content: &c {<<: *c}")); err == nil {
		t.Error("a mapping in itself is accepted")
	}
}

// Whatever the text, there are faults in it or it can be compiled, and the faults
// are in the text.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"", "root: /", "rot: 1", "content: {a: {files: {root: /}}}", "a: &a [*a]", "- x", "x: |\n  y\n", "\"0\r\r", "\xff", "root: !x y\n---\n", "<<: {root: a}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Read("/f", text)
		var faults Faults
		switch {
		case err == nil:
			if _, err := file.Compiled.Encode(); err != nil {
				t.Fatalf("%q: no fault, and %v", text, err)
			}
		case !errors.As(err, &faults) || len(faults) == 0:
			t.Fatalf("%q: %v", text, err)
		default:
			lines := 2
			for _, end := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029"} {
				lines += strings.Count(string(text), end)
			}
			for _, fault := range faults {
				if fault.Line < 0 || fault.Line > lines || fault.Column < 0 {
					t.Fatalf("%q: %v", text, fault)
				}
			}
		}
	})
}
