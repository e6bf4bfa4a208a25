//go:build !race

package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"brood/test/harness"
)

// What only root can set up, with programs as they are shipped: the race detector
// brings cgo, with which a server can't leave root, and libraries.

// What only root could reach at the start is not lost when something else moves.
func TestARootThatOnlyRootReachesOutlivesASwapOfAnother(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t)
	tree := harness.NewTree(t)
	tree.Write("closed/root/file", []byte("content"))
	tree.Write("v1/other", nil)
	tree.Write("v2/other", nil)
	closed, link := filepath.Join(tree.Dir, "closed"), filepath.Join(tree.Dir, "link")
	const workers = 65534
	if err := errors.Join(os.Chown(closed, 0, workers), os.Chmod(closed, 0o750), os.Symlink("v1", link)); err != nil {
		t.Fatal(err)
	}
	s := harness.Serve(t, "--root", filepath.Join(closed, "root"), "--follow", link, "--user", fmt.Sprint(workers))
	s.Wait("the supervisor can't look at paths that workers read: if they are replaced, the old ones are served until a restart", nil)
	next := filepath.Join(tree.Dir, "next")
	if err := errors.Join(os.Symlink("v2", next), os.Rename(next, link)); err != nil {
		t.Fatal(err)
	}
	s.Wait("paths that workers read lead elsewhere; idle workers are replaced", nil)
	for range 10 { // more than were idle
		if got, err := fetch(t, s, "file"); err != nil || string(got) != "content" {
			t.Fatalf("%q, %v", got, err)
		}
	}
}

// A file's capabilities are for whoever executes it, and workers execute it, too.
func TestTheFilesCapabilitiesAreTheSupervisorsAlone(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t)
	for _, sandbox := range []string{"on", "off"} {
		t.Run(sandbox, func(t *testing.T) {
			t.Parallel()
			tree := harness.NewTree(t)
			want := tree.File("srv/file", 3000)
			path := filepath.Join(tree.Dir, "brood")
			// struct vfs_cap_data, revision 2: effective, and the four permitted
			caps := []byte{1, 0, 0, 2, 0xe0, 0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
			if err := errors.Join(harness.Install(harness.Brood(t), path), unix.Setxattr(path, "security.capability", caps, 0)); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(path, "serve", "--root", filepath.Join(tree.Dir, "srv"), "--listen", "127.0.0.1:0", "--log-format", "json", "--sandbox", sandbox)
			const somebody = 54321
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: somebody, Gid: somebody}}
			s := harness.Start(t, cmd)
			if caps := harness.Status(s.PID, "CapEff"); caps != "00000000000004e0" {
				t.Fatalf("the supervisor has %s, want the file's four", caps)
			}
			if got, err := fetch(t, s, "file"); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			// Between its execution and its first steps a worker still has them.
			var idle string
			if !harness.Eventually(func() bool {
				for _, child := range harness.Children(s.PID) {
					if harness.Title(child) == "brood: worker (idle)" {
						idle = harness.Status(child, "CapPrm")
					}
				}
				return idle == "0000000000000000"
			}) {
				t.Errorf("an idle worker has capabilities %q", idle)
			}
		})
	}
}

// jail is an empty directory but for the program and a tree to serve.
func jail(t *testing.T) (cmd *exec.Cmd, dir string) {
	t.Helper()
	harness.NeedRoot(t)
	tree := harness.NewTree(t)
	tree.Write("srv/file", []byte("jailed"))
	if err := harness.Install(harness.Brood(t), filepath.Join(tree.Dir, "brood")); err != nil {
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
	harness.NeedRoot(t)
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

// A container's first process reaps whoever is left to it, but for those whose end
// somebody else waits for.
func TestAsThePIDNamespacesFirstItReadsTheFile(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t)
	c := newConfigured(t, "root: one\n")
	c.Write("one/f", []byte("first"))
	c.Write("two/f", []byte("second"))
	cmd := harness.Command(t, "serve", "--log-format", "json", "--listen", "127.0.0.1:0", "--config", c.file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	s := harness.Start(t, cmd)
	for i := range 10 {
		c.say("root: " + []string{"two", "one"}[i%2] + "\n")
		s.Signal(syscall.SIGHUP)
		s.WaitN(i+1, reloaded, nil)
	}
	if got, err := fetch(t, s, "f"); err != nil || string(got) != "first" {
		t.Errorf("got %q, %v", got, err)
	}
}
