//go:build !race

package integration

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"brood/test/harness"
)

// trimmed is a command for root of a container that was given less than all.
func trimmed(t *testing.T, without string) *exec.Cmd {
	t.Helper()
	harness.NeedRoot(t)
	return exec.Command("setpriv", "--bounding-set", "-"+without, harness.Brood(t), "serve",
		"--root", harness.NewTree(t).Dir, "--listen", "127.0.0.1:0", "--log-format", "json")
}

func TestRootThatCantEndWorkersOfAnotherUserIsWarned(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, trimmed(t, "kill"))
	s.Wait("left root", nil)
	s.WaitN(1, "workers run under the supervisor's own user: a handler that is taken over could signal and trace every process of it; "+
		"start as root, with CAP_SETUID, CAP_SETGID and CAP_KILL, to separate them", nil)
}

func TestRootThatCantLeaveIsToldWhatIsMissing(t *testing.T) {
	t.Parallel()
	cmd := trimmed(t, "setuid")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if code := exitCode(cmd.Run()); code != 1 || !strings.Contains(stderr.String(), "CAP_SETUID and CAP_SETGID") {
		t.Errorf("the server ended with %d: %s\nwant 1 and the names of what is missing", code, &stderr)
	}
}
