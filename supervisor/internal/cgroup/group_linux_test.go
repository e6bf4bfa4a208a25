package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree makes files as they are in a delegated group, with workers in it already, of
// which those named in without are missing.
func tree(t *testing.T, controllers, given string, without ...string) string {
	t.Helper()
	at := t.TempDir()
	for name, text := range map[string]string{
		"cgroup.controllers": controllers, "cgroup.subtree_control": given, "cgroup.procs": "",
		"supervisor/cgroup.procs": "", "workers/cgroup.procs": "", "workers/memory.max": "max\n",
		"workers/memory.swap.max": "max\n", "workers/pids.max": "max\n",
		"workers/memory.events": "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n", "workers/pids.events": "max 7\n",
	} {
		path := filepath.Join(at, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range without {
		if err := os.RemoveAll(filepath.Join(at, name)); err != nil {
			t.Fatal(err)
		}
	}
	return at
}

func is(t *testing.T, at, name, want string) {
	t.Helper()
	if b, err := os.ReadFile(filepath.Join(at, name)); string(b) != want {
		t.Errorf("%s holds %q, %v; want %q", name, b, err, want)
	}
}

func TestAGroupIsOpenedAndItsLimitsChange(t *testing.T) {
	t.Parallel()
	at := tree(t, "memory pids\n", "")
	g, err := open(at, Limits{Memory: 64 << 20, Tasks: 100}, os.Getuid(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	is(t, at, "cgroup.subtree_control", "+memory +pids")
	is(t, at, "workers/memory.max", "67108864")
	is(t, at, "workers/memory.swap.max", "0")
	is(t, at, "workers/pids.max", "100")
	if want := filepath.Join(at, "workers"); g.Dir.Name() != want {
		t.Errorf("workers are started in %s, want %s", g.Dir.Name(), want)
	}
	if got, want := g.Events(), (Events{Killed: 2, Refused: 7}); got != want {
		t.Errorf("counted are %+v, want %+v", got, want)
	}
	if err := os.WriteFile(filepath.Join(at, "workers/memory.events"), []byte("oom_kill 30\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, want := g.Events(), (Events{Killed: 30, Refused: 7}); got != want {
		t.Errorf("counted are then %+v, want %+v", got, want)
	}
	if err := g.Bound(Limits{Tasks: 200}); err != nil {
		t.Fatal(err)
	}
	is(t, at, "workers/memory.max", "max")
	is(t, at, "workers/memory.swap.max", "max")
	is(t, at, "workers/pids.max", "200")
}

func TestAKernelWithoutABoundOfSwapIsGoodEnough(t *testing.T) {
	t.Parallel()
	g, err := open(tree(t, "memory pids\n", "memory pids\n", swap), Limits{Memory: 64 << 20}, os.Getuid(), false)
	if err != nil {
		t.Fatal(err)
	}
	g.Close()
}

func TestAGroupThatCantBeHadSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, at string
		kept     bool
		want     string
	}{
		{"a login's session", tree(t, "memory pids\n", ""), true, "systemd keeps it for itself"},
		{"the controllers are another's", tree(t, "cpu pids\n", ""), false, "it lacks the controllers it needs: memory"},
		{"no such group", filepath.Join(t.TempDir(), "none"), false, "cgroup.controllers: no such file"},
		{"no bound of memory", tree(t, "memory pids\n", "memory pids\n", "workers/memory.max"), false, "writing to workers/memory.max: no such file"},
		{"no events", tree(t, "memory pids\n", "memory pids\n", "workers/pids.events"), false, "pids.events: no such file"},
	} {
		g, err := open(tt.at, Limits{Tasks: 50}, -1, tt.kept)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if g != nil {
			g.Close()
		}
	}
}

// Here nobody ever goes: it is a file.
func TestWhoCantBeMovedIsNotWaitedForWithoutEnd(t *testing.T) {
	t.Parallel()
	at := tree(t, "memory pids\n", "")
	if err := os.WriteFile(filepath.Join(at, "cgroup.procs"), []byte("4711\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := open(at, Limits{Tasks: 50}, -1, false)
	if want := "to supervisor: others are started there all the time"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	is(t, at, "supervisor/cgroup.procs", "4711")
	is(t, at, "cgroup.subtree_control", "")
}
