package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

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
