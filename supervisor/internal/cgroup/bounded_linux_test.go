package cgroup

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheLeastBoundOfAGroupAndThoseAboveCounts(t *testing.T) {
	t.Parallel()
	mount := filepath.Join(t.TempDir(), "cgroup")
	at := filepath.Join(mount, "a", "b", "c")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// What lies above the mount is not a group, whatever it holds.
	write(filepath.Join(filepath.Dir(mount), "memory.max"), "1\n")
	for _, dir := range []string{mount, filepath.Join(mount, "a"), filepath.Join(mount, "a", "b"), at} {
		write(filepath.Join(dir, "cgroup.procs"), "")
	}
	for _, tt := range []struct {
		name, dir, text string
		want            int64 // 0: no bound
	}{
		{"no controller anywhere", at, "", 0},
		{"no bound", at, "max\n", 0},
		{"one two above, where the controller is", filepath.Join(mount, "a"), "5000\n", 5000},
		{"a looser one below", filepath.Join(mount, "a", "b"), "7000\n", 5000},
		{"a closer one below", at, "3000\n", 3000},
	} {
		write(filepath.Join(tt.dir, "memory.max"), tt.text)
		if got, ok := leastAbove(at, "memory.max"); got != tt.want || ok != (tt.want > 0) {
			t.Errorf("%s: %d, %v; want %d", tt.name, got, ok, tt.want)
		}
	}
}
