package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"brood/test/harness"
)

// configured is a tree with a configuration file beside what is served.
type configured struct {
	*harness.Tree
	file string
}

func newConfigured(t *testing.T, text string) *configured {
	t.Helper()
	harness.Broodctl(t) // beside brood
	c := &configured{Tree: harness.NewTree(t)}
	c.file = filepath.Join(c.Dir, "brood.yaml")
	c.say(text)
	return c
}

// say changes the file as an editor does.
func (c *configured) say(text string) {
	c.Write("next", []byte(text))
	os.Rename(filepath.Join(c.Dir, "next"), c.file)
}

const (
	reloaded    = "reloaded: sessions that begin from now on are served by the new configuration"
	notReloaded = "not reloaded: what was in force still is"
)

func TestAFileSaysWhatFlagsSayAndIsReloaded(t *testing.T) {
	t.Parallel()
	c := newConfigured(t, "content:\n  one: {files: {root: one}}\nmax-blksize: 600\n")
	c.Write("one/f", []byte("first"))
	c.Write("two/f", []byte("second"))
	s := harness.Serve(t, "--config", c.file, "--max-windowsize", "1")
	gets := func(want string) {
		t.Helper()
		for range 5 {
			if got, err := fetch(t, s, "f"); err != nil || string(got) != want {
				t.Errorf("got %q, %v; want %q", got, err, want)
			}
		}
	}
	gets("first")

	c.say("content:\n  two: {files: {root: two}}\nmax-sessions: 7\nuser: tftp\n")
	s.Signal(syscall.SIGHUP)
	s.Wait(reloaded, nil)
	gets("second")
	if l := s.Wait("some settings have changed that take a restart, or an upgrade (SIGUSR2), to be in force", nil); l.String("settings") != "User, MaxSessions" {
		t.Errorf("logged %v", l)
	}

	for i, tt := range []struct{ text, want string }{
		{"content:\n  two: {files: {rot: two}}\n", "brood.yaml:2:17: rot: no such key; did you mean root?"},
		{"content:\n  two: {files: {root: none}}\n", "no such file or directory"},
		{"max-blksize: 7\nroot: two\n", "brood.yaml:1:14: max-blksize 7: want 8 to 65464"},
		{"max-blksize: 600\n", "what is to be served"},
	} {
		c.say(tt.text)
		s.Signal(syscall.SIGHUP)
		lines := s.WaitN(i+1, notReloaded, nil)
		if why := lines[i].String("why"); !strings.Contains(why, tt.want) {
			t.Errorf("%q: not reloaded because %q, want %q", tt.text, why, tt.want)
		}
		gets("second")
	}
}

func TestAnUpgradeReadsTheFileAnew(t *testing.T) {
	t.Parallel()
	c := newConfigured(t, "root: one\n")
	c.Write("one/f", []byte("first"))
	c.Write("two/f", []byte("second"))
	u := harness.StartUpgradable(t, os.Environ(), "--config", c.file, "--broodctl", harness.Broodctl(t))
	if got, err := fetch(t, u.Server, "f"); err != nil || string(got) != "first" {
		t.Fatalf("got %q, %v", got, err)
	}
	c.say("root: tow\n")
	syscall.Kill(u.Now, syscall.SIGUSR2)
	u.Wait("no upgrade", nil)
	c.say("root: two\n")
	u.Upgrade()
	if got, err := fetch(t, u.Server, "f"); err != nil || string(got) != "second" {
		t.Errorf("got %q, %v", got, err)
	}
}

// script writes a program that stands for broodctl, or for a user's.
func (c *configured) script(name, text string) string {
	return c.Program(name, "#!/bin/sh\n"+text+"\n")
}

func TestAConfigurationThatCantBeUsedIsToldAtTheStart(t *testing.T) {
	t.Parallel()
	c := newConfigured(t, "root: .\n")
	c.Write("unknown.yaml", []byte("rot: /srv\nmax-sesions: 3\n"))
	c.Write("type.yaml", []byte("root: [1]\nretries: many\n"))
	c.Write("broken.yaml", []byte("root: .\nlisten: [\n"))
	c.Write("tab.yaml", []byte("content:\n\ta: 1\n"))
	c.Write("empty.yaml", nil)
	c.Write("range.yaml", []byte("root: .\nmax-blksize: 7\n"))
	in := func(name string) string { return filepath.Join(c.Dir, name) }
	for _, tt := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"unknown keys", []string{"--config", in("unknown.yaml")}, 1, []string{"unknown.yaml:1:1: rot: no such key; did you mean root?", "unknown.yaml:2:1: max-sesions: no such key; did you mean max-sessions?"}},
		{"wrong types", []string{"--config", in("type.yaml")}, 1, []string{"type.yaml:1:7: a list; want a single value", `type.yaml:2:10: "many": want a whole number`}},
		{"no YAML", []string{"--config", in("broken.yaml")}, 1, []string{"broken.yaml:3:1: not YAML: "}},
		{"a tab", []string{"--config", in("tab.yaml")}, 1, []string{"tab.yaml:2:1: not YAML: a tab"}},
		{"a value out of range", []string{"--config", in("range.yaml")}, 1, []string{"range.yaml:2:14: max-blksize 7: want 8 to 65464"}},
		{"nothing to serve", []string{"--config", in("empty.yaml")}, 2, []string{"what is to be served"}},
		{"no such file", []string{"--config", in("none.yaml")}, 1, []string{in("none.yaml"), "no such file"}},
		{"a directory", []string{"--config", c.Dir}, 1, []string{"want a file, it is a directory"}},
		{"no broodctl", []string{"--config", c.file, "--broodctl", in("none")}, 1, []string{in("none"), "no such file"}},
		{"a broodctl that is no program", []string{"--config", c.file, "--broodctl", c.file}, 1, []string{"brood.yaml", "want a program", "chmod a+x"}},
		{"another broodctl", []string{"--config", c.file, "--broodctl", c.script("other", "echo hello")}, 1, []string{"same release"}},
		{"a broodctl that is killed", []string{"--config", c.file, "--broodctl", c.script("killed", "kill -9 $$")}, 1, []string{c.file, "killed by signal killed"}},
		{"a broodctl that fails", []string{"--config", c.file, "--broodctl", c.script("fails", "echo it hurts >&2; exit 3")}, 1, []string{"exit code 3", "it hurts"}},
		{"a broodctl that does not end", []string{"--config", c.file, "--broodctl", c.script("slow", "sleep 1000")}, 1, []string{"it took longer than 20s and was killed"}},
		{"a broodctl that says too much", []string{"--config", c.file, "--broodctl", c.script("loud", "yes")}, 1, []string{"it printed more than 67108864 bytes and was killed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd := harness.Command(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, tt.args...)...)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if code := exitCode(cmd.Run()); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("standard error lacks %q:\n%s", want, &stderr)
				}
			}
		})
	}
}

func TestBroodctlIsFoundInPATHOrMissed(t *testing.T) {
	t.Parallel()
	c := newConfigured(t, "root: .\n")
	exe := filepath.Join(c.Dir, "alone", "brood")
	c.Write("alone/x", nil)
	if err := harness.Install(harness.Brood(t), exe); err != nil {
		t.Fatal(err)
	}
	run := func(path string) (int, string) {
		cmd := exec.Command(exe, "serve", "--config", c.file, "--listen", "192.0.2.1:0") // no address of ours
		cmd.Env = []string{"PATH=" + path}
		out, err := cmd.CombinedOutput()
		return exitCode(err), string(out)
	}
	if code, out := run("/nowhere"); code != 1 || !strings.Contains(out, "neither beside brood ("+exe+"ctl) nor in PATH") {
		t.Errorf("without broodctl: %d, %s", code, out)
	}
	if code, out := run(filepath.Dir(harness.Broodctl(t))); code != 1 || !strings.Contains(out, "no interface has this address") {
		t.Errorf("with broodctl in PATH: %d, %s", code, out)
	}
}

// The file may be the server's own secret. What it has been read with at the start
// it has not at a reload, when it is not root any more.
func TestAFileThatOnlyTheServerMayReadIsRead(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t)
	c := newConfigured(t, "root: .\n")
	c.Write("f", []byte("content"))
	os.Chmod(c.file, 0o600)
	const server = 65530
	os.Chown(c.file, server, server)
	s := harness.Serve(t, "--config", c.file)
	s.Signal(syscall.SIGHUP)
	s.Wait(reloaded, nil)
	os.Chown(c.file, 0, 0)
	s.Signal(syscall.SIGHUP)
	if l := s.Wait(notReloaded, nil); !strings.Contains(l.String("why"), "uid 65530 must be able to read it") {
		t.Errorf("logged %v", l)
	}
	if got, err := fetch(t, s, "f"); err != nil || string(got) != "content" {
		t.Errorf("got %q, %v", got, err)
	}
}

// An ordinary user's server reads its file as that user, and says who it is.
func TestAnOrdinaryUserHasAConfigurationFile(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t)
	c := newConfigured(t, "content: {a: {files: {root: .}}}\n")
	c.Write("f", []byte("content"))
	start := func() *exec.Cmd {
		cmd := harness.Command(t, "serve", "--log-format", "json", "--listen", "127.0.0.1:0", "--config", c.file)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 12345, Gid: 12345}}
		return cmd
	}
	s := harness.Start(t, start())
	s.Signal(syscall.SIGHUP)
	s.Wait(reloaded, nil)
	if got, err := fetch(t, s, "f"); err != nil || string(got) != "content" {
		t.Errorf("got %q, %v", got, err)
	}
	os.Chmod(c.file, 0o600)
	out, err := start().CombinedOutput()
	if exitCode(err) != 1 || !strings.Contains(string(out), "uid 12345 must be able to read it") {
		t.Errorf("%v, %s", err, out)
	}
}
