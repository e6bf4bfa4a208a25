package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// group is a control group (version 1) of its own, gone with the test. It takes
// root, and a kernel that has this controller.
type group struct {
	t   testing.TB
	dir string
}

func newGroup(t testing.TB, controller string) *group {
	t.Helper()
	return &group{t: t, dir: mountGroup(t, "cgroup", controller)}
}

// mountGroup makes a group of a file system of them, and returns its directory.
func mountGroup(t testing.TB, kind, controller string) (dir string) {
	t.Helper()
	NeedRoot(t)
	mount := NewTree(t).Dir // a server goes there by its name, whoever it is by then
	if err := unix.Mount("none", mount, kind, 0, controller); err != nil {
		t.Fatalf("mounting control groups (%s, controller %q): %v", kind, controller, err)
	}
	t.Cleanup(func() { unix.Unmount(mount, unix.MNT_DETACH) })
	dir, err := os.MkdirTemp(mount, "brood-test-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !Eventually(func() bool { evacuate(dir, mount); return os.Remove(dir) == nil }) {
			t.Errorf("the control group %s stays behind", dir)
		}
	})
	return dir
}

// evacuate has whoever is in a group go to another.
func evacuate(from, to string) {
	pids, _ := os.ReadFile(filepath.Join(from, "cgroup.procs"))
	for _, pid := range strings.Fields(string(pids)) {
		os.WriteFile(filepath.Join(to, "cgroup.procs"), []byte(pid), 0)
	}
}

func (g *group) set(file, value string) {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, file), []byte(value), 0); err != nil {
		g.t.Fatal(err)
	}
}

// enter puts a process into the group, and with it what it starts from then on.
func (g *group) enter(pid int) {
	g.t.Helper()
	g.set("cgroup.procs", strconv.Itoa(pid))
}

// Freeze stops a process where no signal reaches it, SIGKILL included, until thaw
// is called or the test ends: what a process does that waits in the kernel.
func Freeze(t testing.TB, pid int) (thaw func()) {
	t.Helper()
	g := newGroup(t, "freezer")
	thaw = func() { g.set("freezer.state", "THAWED") }
	t.Cleanup(thaw)
	g.enter(pid)
	g.set("freezer.state", "FROZEN")
	return thaw
}

// inside has a command run in a group, which only root may put it into. With attributes of
// its own the shell is started as root whatever credentials says; asService comes after it.
func inside(dir string, cmd *exec.Cmd) *exec.Cmd {
	const enter = `echo $$ >"$0/cgroup.procs" && exec "$@"`
	words := append([]string{"-c", enter, dir}, asService()...)
	words = append(append(words, cmd.Path), cmd.Args[1:]...)
	shell := exec.Command("sh", words...)
	shell.Env, shell.SysProcAttr = cmd.Env, &unix.SysProcAttr{}
	return shell
}

// WithinMemory has a command and all that it starts have so many bytes of memory
// together. Whoever is over it ends one of them, as the kernel chooses.
func WithinMemory(t testing.TB, bytes int, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	g := newGroup(t, "memory")
	g.set("memory.limit_in_bytes", strconv.Itoa(bytes))
	return inside(g.dir, cmd)
}
