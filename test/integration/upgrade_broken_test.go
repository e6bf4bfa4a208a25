package integration

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"brood/test/harness"
	"brood/worker/workertest"
)

// A new process that was given what waits, and fails then, leaves nobody unserved:
// the old one has not forgotten it, and reads the ports again.
func TestAnUpgradeThatFailsAtTheLastMomentLosesNothing(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 10)
	u := harness.StartUpgradable(t, nil, "--root", tree.Dir, "--max-sessions", "1")
	holder, waiting := harness.NewPeer(t, "127.0.0.1"), harness.NewPeer(t, "127.0.0.2")
	holder.Send(u.Addr, harness.RRQ("f"))
	holder.Data(1)
	waiting.Send(u.Addr, harness.RRQ("f"))
	u.InstallText("#!/bin/sh\nprintf R >&3; head -c 1 <&3 >/dev/null; printf X >&3; exec cat <&3 >/dev/null")
	u.Signal(syscall.SIGUSR2)
	u.Wait("no upgrade", nil)
	holder.Ack(1)
	waiting.Data(1)
	waiting.Ack(1)
	client := workertest.Client{Timeout: longTimeout}
	if _, err := client.Get(t.Context(), u.Addr, "f", io.Discard); err != nil {
		t.Errorf("one that asks afterwards: %v", err)
	}
	u.WaitN(3, "session", func(l harness.Line) bool { return l.String("outcome") == "complete" })
}

// Whoever stops the server while the new process is not ready stops both.
func TestAnEndDuringAnUpgradeIsTheEndOfBoth(t *testing.T) {
	t.Parallel()
	u := harness.StartUpgradable(t, nil, "--root", harness.NewTree(t).Dir)
	u.InstallText("#!/bin/sh\nexec sleep 600")
	u.Signal(syscall.SIGUSR2)
	next := u.Wait("upgrading", nil).Int("pid")
	u.Signal(syscall.SIGUSR2)
	if l := u.Wait("no upgrade", nil); l.String("why") != "one is under way" {
		t.Errorf("of a second upgrade it says %v", l)
	}
	if code := u.Stop(); code != 0 { // when nobody holds the log any more
		t.Errorf("the old process ended with %d", code)
	}
	u.Left(next)
}

// A new process whose predecessor dies under it serves all the same.
func TestAnUpgradeOutlivesTheOldProcess(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	u := harness.StartUpgradable(t, nil, "--root", tree.Dir)
	dir, err := os.MkdirTemp("", "brood-gate") // which the server's own user can reach
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	gate := filepath.Join(dir, "gate")
	if err := unix.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	os.Chmod(gate, 0o666)
	u.InstallText("#!/bin/sh\nread open <" + gate + "; exec " + harness.Brood(t) + ` "$@"`)
	u.Signal(syscall.SIGUSR2)
	u.Now = u.Wait("upgrading", nil).Int("pid")
	u.Signal(syscall.SIGKILL)
	u.Left(u.PID)
	if err := os.WriteFile(gate, []byte("\n"), 0); err != nil {
		t.Fatal(err)
	}
	u.WaitN(2, "listening", nil)
	client := workertest.Client{Timeout: longTimeout}
	if _, err := client.Get(t.Context(), u.Addr, "f", io.Discard); err != nil {
		t.Error(err)
	}
	u.End()
}
