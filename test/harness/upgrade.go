package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Upgradable is a server whose executable is a file of its own.
type Upgradable struct {
	*Server
	Now    int // the process that serves
	Before int // the one that it has replaced; 0: none

	exe  string
	made int // upgrades
}

// StartUpgradable starts it, with an environment of its own unless that is nil.
func StartUpgradable(t testing.TB, env []string, flags ...string) *Upgradable {
	t.Helper()
	return StartUpgradableAs(t, func(cmd *exec.Cmd) { cmd.Env = env }, append([]string{"--listen", "127.0.0.1:0"}, flags...)...)
}

// StartUpgradableAs starts it as prepare has changed its command.
func StartUpgradableAs(t testing.TB, prepare func(*exec.Cmd), flags ...string) *Upgradable {
	t.Helper()
	dir, err := os.MkdirTemp("", "brood-upgrade") // which the server's own user can reach
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	u := &Upgradable{exe: filepath.Join(dir, "brood")}
	if err := Install(Brood(t), u.exe); err != nil {
		t.Fatal(err)
	}
	cmd := Command(t, append([]string{"serve", "--log-format", "json"}, flags...)...)
	cmd.Path, cmd.Args[0] = u.exe, u.exe
	prepare(cmd)
	u.Server = Start(t, cmd)
	u.Now = u.PID
	t.Cleanup(func() { u.End() }) // before the harness's own
	return u
}

// End ends the process that serves, and returns the first one's exit code: the log
// is the end of all.
func (u *Upgradable) End() int {
	u.t.Helper()
	syscall.Kill(u.Now, syscall.SIGTERM)
	return u.Exit()
}

// Left waits until a process of an upgrade has left: all but the first are reaped
// by somebody.
func (u *Upgradable) Left(pid int) {
	u.t.Helper()
	if !Eventually(func() bool {
		state := Status(pid, "State")
		return state == "" || strings.HasPrefix(state, "Z")
	}) {
		u.t.Errorf("process %d does not end", pid)
	}
}

// Install puts another file in the executable's place.
func (u *Upgradable) Install(from string) {
	u.t.Helper()
	if err := Install(from, u.exe+".new"); err != nil {
		u.t.Fatal(err)
	}
	if err := os.Rename(u.exe+".new", u.exe); err != nil {
		u.t.Fatal(err)
	}
}

// InstallText puts a text in the executable's place: a script, or what is no program.
func (u *Upgradable) InstallText(text string) {
	u.t.Helper()
	u.Install(written(u.t, text))
}

// Upgrade has the process that serves replaced, and waits until the next one serves.
func (u *Upgradable) Upgrade() {
	u.t.Helper()
	syscall.Kill(u.Now, syscall.SIGUSR2)
	u.made++
	lines := u.WaitN(u.made, "upgraded: the new process serves", nil)
	u.Before, u.Now = u.Now, lines[u.made-1].Int("pid")
	u.WaitN(u.made+1, "listening", nil)
}
