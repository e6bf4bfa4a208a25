package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestTheLeastBoundOfAGroupAndThoseAboveCounts(t *testing.T) {
	t.Parallel()
	const machine = 10_000
	dir := t.TempDir()
	two, one := filepath.Join(dir, "two"), filepath.Join(dir, "one")
	for _, group := range []string{two, one} {
		if err := os.MkdirAll(filepath.Join(group, "a", "b", "c"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mounts := fmt.Sprintf("31 23 0:28 / %s rw - cgroup2 cgroup2 rw\n33 31 0:30 / %s rw - cgroup cgroup rw,memory\n", two, one)
	const there = "4:memory:/a/b/c\n0::/a/b/c\n"
	for _, tt := range []struct {
		name       string
		path, text string // written, and left for those that follow
		membership string
		want       int64
	}{
		{"no controller anywhere", "", "", there, 0},
		// What lies above the mount is no group.
		{"above the mount", "memory.max", "1\n", there, 0},
		{"no bound", "two/a/b/c/memory.max", "max\n", there, 0},
		{"none of version 1", "one/a/b/c/memory.limit_in_bytes", "9223372036854771712\n", there, 0},
		{"what the machine has", "two/a/b/memory.max", "10000\n", there, 0},
		{"one two above, where the controller is", "two/a/memory.max", "5000\n", there, 5000},
		{"a looser one below", "two/a/b/memory.max", "7000\n", there, 5000},
		{"the other version's", "one/a/memory.limit_in_bytes", "4000\n", there, 4000},
		{"a closer one below", "two/a/b/c/memory.max", "3000\n", there, 3000},
		{"the mount's own, as a container sees it", "two/memory.max", "2000\n", "0::/\n", 2000},
		{"of version 1 alone", "", "", "4:memory:/a\n", 4000},
		{"nothing is not a bound", "two/a/b/c/memory.max", "0\n", there, 2000},
		{"no groups", "", "", "", 0},
	} {
		if tt.path != "" {
			if err := os.WriteFile(filepath.Join(dir, tt.path), []byte(tt.text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := memoryBound(tt.membership, mounts, machine); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}
