package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"brood/test/harness"
)

// A tree is replaced by setting a link to the new one, which may also be on its
// way when the server starts. Idle workers have the old one; those that start
// afterwards must not be kept from the new one.
func TestASwappedRootIsServed(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	link := filepath.Join(tree.Dir, "current")
	swap := func(to string) {
		t.Helper()
		tree.Write(to+"/version", []byte(to))
		next := filepath.Join(tree.Dir, "next")
		if err := os.Symlink(to, next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, link); err != nil {
			t.Fatal(err)
		}
	}
	swap("v1")
	s := harness.Serve(t, "--root", link, "--min-idle", "1", "--max-idle", "1")
	for _, want := range []string{"v1", "v2", "v3"} {
		swap(want)
		var got []byte
		var err error
		if !harness.Eventually(func() bool { got, err = fetch(t, s, "version"); return err != nil || string(got) == want }) || err != nil {
			t.Errorf("%q, %v; want %s", got, err, want)
		}
	}
}

func TestTheStatsSayWhatTheSandboxIs(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	for how, want := range map[string]string{"require": "strict", "on": "strict", "off": "off"} {
		if harness.Race() && how != "off" {
			continue
		}
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := harness.Serve(t, "--root", tree.Dir, "--sandbox", how)
			if how == "off" {
				s.Wait("workers have no sandbox: a handler that is taken over can do what their user can", nil)
			}
			if got := s.Counters().String("sandbox"); got != want {
				t.Errorf("the stats say %q, want %q", got, want)
			}
		})
	}
}

// jail is an empty directory but for the program and a tree to serve.
func jail(t *testing.T) (cmd *exec.Cmd, dir string) {
	t.Helper()
	if !harness.Root() || harness.Race() {
		t.Skip("needs root, and a program that needs no libraries")
	}
	tree := harness.NewTree(t)
	tree.Write("srv/file", []byte("jailed"))
	program, err := os.ReadFile(harness.Brood(t))
	if err != nil {
		t.Fatal(err)
	}
	tree.Write("brood", program)
	if err := os.Chmod(filepath.Join(tree.Dir, "brood"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"proc", "dev"} {
		if err := os.Mkdir(filepath.Join(tree.Dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd = exec.Command("/brood", "serve", "--root", "/srv", "--listen", "127.0.0.1:0", "--log-format", "json", "--sandbox", "require")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: tree.Dir}
	return cmd, tree.Dir
}

func TestInAnEmptyChrootWithProcItServes(t *testing.T) {
	t.Parallel()
	cmd, dir := jail(t)
	proc := filepath.Join(dir, "proc")
	if err := unix.Mount("proc", proc, "proc", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(proc, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := harness.Start(t, cmd)
	if got, err := fetch(t, s, "file"); err != nil || string(got) != "jailed" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAMissingProcIsNamed(t *testing.T) {
	t.Parallel()
	cmd, _ := jail(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if code := exitCode(cmd.Run()); code != 1 || !strings.Contains(stderr.String(), "is /proc mounted?") {
		t.Errorf("the server ended with %d: %s\nwant 1, and a word of /proc", code, &stderr)
	}
}

func TestAsThePIDNamespacesFirstItReapsOrphans(t *testing.T) {
	t.Parallel()
	if !harness.Root() || harness.Race() {
		t.Skip("needs root, and programs that workers may run")
	}
	cmd := command(t, "programs")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	s := harness.Start(t, cmd)
	for range 3 {
		fetch(t, s, "orphan") // it gets an ERROR
	}
	strangers := func() (n int, state string) {
		for _, pid := range harness.Children(s.PID) {
			if title := harness.Title(pid); !strings.HasPrefix(title, "brood:") {
				n++
				state += title + " " + harness.Status(pid, "State") + "; "
			}
		}
		return n, state
	}
	s.WaitN(3, "session", func(l harness.Line) bool { return l.String("file") == "orphan" })
	if !harness.Eventually(func() bool { n, _ := strangers(); return n == 0 }) {
		_, state := strangers()
		t.Errorf("orphans are left: %s", state)
	}
	if got, err := fetch(t, s, "good-afterwards"); err != nil || !bytes.Equal(got, goodContent("good-afterwards")) {
		t.Errorf("afterwards %d bytes, %v", len(got), err)
	}
}

func TestAnOrdinaryUserServesAHighPortAndIsToldWhatIsMissing(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	want := tree.File("file", 3000)
	cmd := exec.Command(harness.Brood(t), "serve", "--root", tree.Dir, "--listen", "127.0.0.1:0", "--log-format", "json")
	if harness.Race() {
		cmd.Args = append(cmd.Args, "--sandbox", "off")
	}
	if harness.Root() {
		const somebody = 54321
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: somebody, Gid: somebody}}
	}
	s := harness.Start(t, cmd)
	if got, err := fetch(t, s, "file"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	s.WaitN(1, "workers run under the supervisor's own user: a handler that is taken over could signal and trace every process of it; "+
		"start as root, with CAP_SETUID, CAP_SETGID and CAP_KILL, to separate them", nil)
}
