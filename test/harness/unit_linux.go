package harness

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Unit is a control group (version 2) as systemd makes one for a service.
type Unit struct {
	Dir string
	t   testing.TB
}

// NewUnit makes one, with these controllers, which the kernel must have to give, and
// marks it as delegated. It is gone with the test. It takes root.
func NewUnit(t testing.TB, controllers ...string) *Unit {
	t.Helper()
	slice := mountGroup(t, "cgroup2", "")
	u := &Unit{Dir: filepath.Join(slice, "brood.service"), t: t}
	for _, c := range controllers {
		u.Write("../../cgroup.subtree_control", "+"+c)
		u.Write("../cgroup.subtree_control", "+"+c)
	}
	err := os.Mkdir(u.Dir, 0o755)
	if err == nil {
		err = unix.Setxattr(u.Dir, delegated, []byte("1"), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !Eventually(func() bool {
			for _, group := range []string{"supervisor", "workers"} {
				os.Remove(filepath.Join(u.Dir, group))
			}
			return os.Remove(u.Dir) == nil
		}) {
			t.Errorf("the control group %s stays behind", u.Dir)
		}
	})
	return u
}

// delegated is systemd's mark.
const delegated = "trusted.delegate"

// Keep takes the mark away.
func (u *Unit) Keep() {
	u.t.Helper()
	if err := unix.Removexattr(u.Dir, delegated); err != nil {
		u.t.Fatal(err)
	}
}

// Write writes to a file of the group.
func (u *Unit) Write(file, text string) {
	u.t.Helper()
	if err := os.WriteFile(u.path(file), []byte(text), 0); err != nil {
		u.t.Fatal(err)
	}
}

func (u *Unit) path(file string) string { return filepath.Clean(u.Dir + "/" + file) }

// Release takes the controllers back from the groups below, as the unit's
// ExecStopPost does.
func (u *Unit) Release() {
	u.t.Helper()
	u.Write("cgroup.subtree_control", "-memory -pids")
}

// Read returns what is in a file of the group or below, without the end of its line.
func (u *Unit) Read(file string) string {
	u.t.Helper()
	return strings.TrimSuffix(string(ReadFile(u.t, u.path(file))), "\n")
}

// Start is what a command must have to be started in the group.
func (u *Unit) Start() *syscall.SysProcAttr {
	u.t.Helper()
	dir, err := os.Open(u.Dir)
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { dir.Close() })
	return &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
}

// GroupOf returns the last name of a process's control group, "" when it is gone.
func GroupOf(pid int) string {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if group, ok := strings.CutPrefix(line, "0::"); ok {
			return filepath.Base(strings.TrimSuffix(group, "\n"))
		}
	}
	return ""
}
