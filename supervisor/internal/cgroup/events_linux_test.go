package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestTheKernelsKillsAreCountedInEitherVersion(t *testing.T) {
	t.Parallel()
	const membership = "4:memory:/a\n0::/a\n"
	for _, tt := range []struct {
		name, path, text, then string
		before, after          uint64 // of kills; both 0: it tells nothing
	}{
		{"version 2", "two/a/memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\n", "oom 9\noom_kill 8\n", 2, 8},
		{"version 1", "one/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n", "oom_kill_disable 0\noom_kill 6\n", 5, 6},
		{"a kernel that doesn't count them", "one/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n", "", 0, 0},
		{"a group above, as this one was not given the controller", "two/memory.events", "oom 1\noom_kill 2\n", "oom 1\noom_kill 3\n", 2, 3},
		{"another group", "two/b/memory.events", "oom 1\noom_kill 2\n", "", 0, 0},
	} {
		dir := t.TempDir()
		mounts := fmt.Sprintf("31 23 0:28 / %s/two rw - cgroup2 cgroup2 rw\n33 31 0:30 / %[1]s/one rw - cgroup cgroup rw,memory\n", dir)
		path := filepath.Join(dir, tt.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		k := openKills(membership, mounts)
		if (k == nil) != (tt.after == 0) {
			t.Errorf("%s: is counted: %v", tt.name, k != nil)
		}
		if k == nil {
			continue
		}
		defer k.Close()
		before := k.Count()
		if err := os.WriteFile(path, []byte(tt.then), 0o644); err != nil {
			t.Fatal(err)
		}
		if after := k.Count(); before != tt.before || after != tt.after {
			t.Errorf("%s: %d and then %d, want %d and %d", tt.name, before, after, tt.before, tt.after)
		}
	}
	if openKills("", "") != nil {
		t.Error("without groups something is counted")
	}
}
