package integration

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"brood/test/harness"
)

// A group to which nobody has given a controller is on every machine; test/boot has
// one with all that it takes.
func TestWorkersAreNotServedWithoutTheBoundsThatWereAskedFor(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t)
	unit := harness.NewUnit(t)
	tree := harness.NewTree(t)
	for _, flag := range [][]string{{"--workers-memory", "1GiB"}, {"--workers-tasks", "1000"}} {
		cmd := harness.Command(t, append([]string{"serve", "--root", tree.Dir, "--listen", "127.0.0.1:0"}, flag...)...)
		cmd.SysProcAttr = unit.Start()
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("%s: %v, want exit code 1", flag, err)
		}
		for _, want := range []string{
			"brood serve: WorkersMemory and WorkersTasks need a control group", "Delegate=memory pids", "brood.service",
			"/brood.service: it lacks the controllers it needs: memory, pids\n",
		} {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: it says %q, want %q", flag, out, want)
			}
		}
	}
}
