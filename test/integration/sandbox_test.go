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

// What only root could reach at the start is not lost when something else moves.
func TestARootThatOnlyRootReachesOutlivesASwapOfAnother(t *testing.T) {
	t.Parallel()
	if !harness.Root() || harness.Race() {
		t.Skip("needs root, and a program that can leave it")
	}
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
	if !harness.Root() || harness.Race() {
		t.Skip("needs root, and a program without cgo")
	}
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
