package harness

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// Freeze stops a process where no signal reaches it, SIGKILL included, until thaw
// is called or the test ends: what a process does that waits in the kernel. It
// takes root, and a kernel with the freezer of control groups' version 1.
func Freeze(t testing.TB, pid int) (thaw func()) {
	t.Helper()
	NeedRoot(t)
	dir := t.TempDir()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("freezing process %d: %v", pid, err)
		}
	}
	check(unix.Mount("freezer", dir, "cgroup", 0, "freezer"))
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	group := filepath.Join(dir, "brood-"+strconv.Itoa(pid))
	check(os.Mkdir(group, 0o755))
	set := func(file, value string) error { return os.WriteFile(filepath.Join(group, file), []byte(value), 0) }
	thaw = func() { set("freezer.state", "THAWED") }
	t.Cleanup(func() {
		thaw()
		Eventually(func() bool { return os.Remove(group) == nil })
	})
	check(set("cgroup.procs", strconv.Itoa(pid)))
	check(set("freezer.state", "FROZEN"))
	return thaw
}
