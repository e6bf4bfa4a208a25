package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"brood/cmd/internal/config"
)

// broodctl runs a command in a directory of files.
func broodctl(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(args, strings.NewReader(stdin), &out, &err)
	return code, out.String(), err.String()
}

func write(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"good.yaml": "root: .\n", "bad.yaml": "rot: .\n", "empty.yaml": ""})
	good, bad := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml")
	for _, tt := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"nothing", nil, exitUsage, "", "which command?"},
		{"an unknown command", []string{"chek"}, exitUsage, "", `unknown command "chek"`},
		{"help", []string{"--help"}, exitOK, "Usage:", ""},
		{"no file", []string{"check"}, exitUsage, "", "accepts 1 arg"},
		{"an unknown flag", []string{"check", "--loud", good}, exitUsage, "", "--loud"},
		{"check", []string{"check", good}, exitOK, "root: " + dir + "\n", ""},
		{"check a file with a mistake", []string{"check", bad}, exitError, "", bad + ":1:1: rot: no such key; did you mean root?\n"},
		{"check a file that serves nothing", []string{"check", filepath.Join(dir, "empty.yaml")}, exitError, "", "what is to be served?"},
		{"check what is not there", []string{"check", filepath.Join(dir, "none")}, exitError, "", "no such file"},
		{"check a directory", []string{"check", dir}, exitError, "", "want a file, it is a directory"},
		{"compile", []string{"compile", good}, exitOK, "brood configuration 2\n", ""},
		{"compile a mistake", []string{"compile", bad}, exitError, "", "bad.yaml:1:1: rot"},
		{"schema", []string{"schema"}, exitOK, `"title": "brood configuration"`, ""},
		{"show-config", []string{"show-config", good, "--retries", "0", "--listen", ":70", "--listen", ":71"}, exitOK, "listen:\n- :70\n- :71\n", ""},
		{"show-config without an alternative", []string{"show-config", filepath.Join(dir, "empty.yaml"), "--root", "/srv"}, exitOK, "root: /srv\n", ""},
		{"show-config with a wrong flag", []string{"show-config", good, "--retries", "many"}, exitUsage, "", `"many": want a whole number`},
		{"origin by hand", []string{"origin"}, exitError, "", "broodctl origin is started by brood serve"},
		{"explain without a client", []string{"explain", good}, exitUsage, "", `"peer"`},
		{"explain", []string{"explain", "--peer", "::1", good}, exitOK, "client    ::1: is served\n", ""},
		{"explain for nobody", []string{"explain", "--peer", "x", good}, exitUsage, "", `--peer "x": want an IP address`},
		{"explain an option", []string{"explain", "--peer", "::1", "--option", "tsize", good}, exitUsage, "", "want NAME=VALUE"},
	} {
		code, stdout, stderr := broodctl(t, "", tt.args...)
		if code != tt.code || !strings.Contains(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) || tt.stdout == "" && stdout != "" || tt.stderr == "" && stderr != "" {
			t.Errorf("%s: broodctl %q exits %d\nstdout: %s\nstderr: %s\nwant %d, %q and %q", tt.name, tt.args, code, stdout, stderr, tt.code, tt.stdout, tt.stderr)
		}
	}
}

func TestCompileReadsStandardInput(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := broodctl(t, "root: srv\n", "compile", "--stdin", "/etc/brood/x.yaml")
	c, err := config.Decode([]byte(stdout))
	if code != exitOK || err != nil || len(c.Server) != 1 || c.Server[0].Values[0] != "/etc/brood/srv" {
		t.Errorf("exit %d, %+v, %v, %s", code, c, err, stderr)
	}
	code, _, stderr = broodctl(t, "rot: srv\n", "compile", "--stdin", "/etc/brood/x.yaml")
	if code != exitError || stderr != "/etc/brood/x.yaml:1:1: rot: no such key; did you mean root?\n" {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

// What check and show-config print is a file that says the same.
func TestWhatIsShownIsAFileThatSaysTheSame(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"srv/f": "", "templates/t": "", "hosts.yaml": "machines: []\n",
		"brood.yaml": `
user: "65534"
retries: 0
allow: [10.0.0.0/8]
content:
  a: {files: {root: srv, follow: [/]}}
  b: {virtual: {text: {motd: "hello\nworld\n", "yes": "no"}}}
  c: {render: {templates: templates, inventory: hosts.yaml, documents: [{file: "x/{mac}", template: t}], vars: {n: 7, s: "7", list: [1, true]}}}
rules:
  - {match: {file: ["*.0"]}, handler: b, quirks: {no-options: true}}
  - {match: {client: ["10.0.0.0/8"]}, not: {option: [tsize]}, error: {code: 2, message: "no"}}
default: a
`,
	})
	code, first, stderr := broodctl(t, "", "check", filepath.Join(dir, "brood.yaml"))
	if code != exitOK || stderr != "" {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	again := filepath.Join(dir, "again.yaml")
	if err := os.WriteFile(again, []byte(first), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, second, stderr := broodctl(t, "", "check", again); code != exitOK || first != second {
		t.Errorf("exit %d, %s\nfirst:\n%s\nthen:\n%s", code, stderr, first, second)
	}
	for _, name := range []string{"brood.yaml", "again.yaml"} {
		_, compiled, _ := broodctl(t, "", "compile", filepath.Join(dir, name))
		if _, want, _ := broodctl(t, "", "compile", again); compiled != want {
			t.Errorf("%s compiles to something else", name)
		}
	}
}

func TestCheckWarnsOfWhatCantBeUsed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"content: {a: {files: {root: none}}}\n", "content a: "},
		{"content: {a: {render: {templates: t, documents: [{file: x, template: missing}]}}}\n", "missing"},
		{"content: {a: {render: {templates: t, documents: [{file: x, template: broken}]}}, b: {exec: {command: [/bin/sh]}}}\ndefault: a\n", "broken:1"},
	} {
		dir := write(t, map[string]string{"t/broken": "{{if}}\n", "brood.yaml": tt.text})
		code, stdout, stderr := broodctl(t, "", "check", filepath.Join(dir, "brood.yaml"))
		if code != exitOK || !strings.HasPrefix(stderr, "warning: ") || !strings.Contains(stderr, tt.want) || !strings.Contains(stdout, "content:\n") {
			t.Errorf("%s: exit %d, %s\n%s", tt.text, code, stderr, stdout)
		}
	}
}

func TestEveryDefaultIsTold(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"brood.yaml": "root: .\n"})
	_, stdout, _ := broodctl(t, "", "show-config", filepath.Join(dir, "brood.yaml"))
	for line := range strings.Lines(stdout) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), ": "); value == "" {
			t.Errorf("%s has no value", key)
		}
	}
}
