package integration

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"brood/test/harness"
)

func TestTheCommandSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("plain", 1)
	taken, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	const local = "--listen=127.0.0.1:0"
	missing := filepath.Join(tree.Dir, "missing")

	for _, tt := range []struct {
		args []string
		code int
		want []string // on standard error
	}{
		{nil, 2, []string{"Usage:"}},
		{[]string{"sevre"}, 2, []string{`unknown command "sevre"`}},
		{[]string{"serve"}, 2, []string{"--root DIR is missing", "--help"}},
		{[]string{"serve", "--rot", "x"}, 2, []string{"-rot", "--help"}},
		{[]string{"serve", "--root", tree.Dir, "extra"}, 2, []string{`unexpected argument "extra"`}},
		{[]string{"serve", "--root", tree.Dir, "--log-level", "loud"}, 2, []string{`--log-level "loud"`, "trace, debug, info"}},
		{[]string{"serve", "--root", tree.Dir, "--port-range", "9-1"}, 2, []string{`"9-1"`, "LOW-HIGH"}},
		{[]string{"serve", "--root", tree.Dir, "--listen", "nonsense"}, 2, []string{`"nonsense"`, "ADDRESS:PORT"}},
		{[]string{"serve", "--root", tree.Dir, "--listen", "192.0.2.1:0"}, 1, []string{"192.0.2.1", "no interface has this address"}},
		{[]string{"serve", "--root", tree.Dir, "--listen", taken.LocalAddr().String()}, 1, []string{"address already in use", "ss -ulpn"}},
		{[]string{"serve", "--root", missing, local}, 1, []string{missing, "no such file or directory"}},
		{[]string{"serve", "--root", filepath.Join(tree.Dir, "plain"), local}, 1, []string{"plain", "not a directory"}},
		{[]string{"serve", "--root", tree.Dir, "--follow", missing, local}, 1, []string{missing, "follow"}},
		{[]string{"serve", "--root", tree.Dir, "--user", "no-such-user", local}, 1, []string{`user "no-such-user": `}},
		{[]string{"serve", "--root", tree.Dir, "--max-blksize", "7", "--max-windowsize", "70000", local}, 2, []string{"MaxBlksize 7", "MaxWindowsize 70000"}},
	} {
		cmd := harness.Command(t, tt.args...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		code := exitCode(cmd.Run())
		if code != tt.code {
			t.Errorf("brood %q: exit code %d, want %d\n%s", tt.args, code, tt.code, &stderr)
		}
		for _, want := range tt.want {
			if !strings.Contains(stderr.String(), want) {
				t.Errorf("brood %q: standard error lacks %q:\n%s", tt.args, want, &stderr)
			}
		}
		if stdout.Len() > 0 {
			t.Errorf("brood %q: standard output has %q", tt.args, &stdout)
		}
	}
}

func TestHelpAndVersionGoToStandardOutput(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"version"}, "brood "},
		{[]string{"help"}, "brood serve --root DIR"},
		{[]string{"--help"}, "brood serve --root DIR"},
		{[]string{"serve", "--help"}, "--max-windowsize N"},
	} {
		out, err := exec.Command(harness.Brood(t), tt.args...).Output()
		if err != nil || !strings.Contains(string(out), tt.want) {
			t.Errorf("brood %q: %v, printed %q, want %q in it", tt.args, err, out, tt.want)
		}
	}
}

func TestTheWorkerRoleIsNotForUsers(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(harness.Brood(t), "version")
	cmd.Env = append(os.Environ(), "BROOD_ROLE=worker")
	out, err := cmd.CombinedOutput()
	if exitCode(err) != 70 || !strings.Contains(string(out), "BROOD_ROLE") {
		t.Errorf("%v, printed %q", err, out)
	}
}

func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}
