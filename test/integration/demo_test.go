package integration

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"brood/test/harness"
	"brood/worker/workertest"
)

// make run builds brood and runs this script.
func TestTheDemoServesWhatItSays(t *testing.T) {
	t.Parallel()
	const demo = "../../cmd/brood/demo/"
	want, err := os.ReadFile(demo + "hello.txt")
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs(demo + "run")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(script, harness.Brood(t), "127.0.0.1:0", "--log-format", "json")
	tmp := t.TempDir()
	if err := os.Chmod(filepath.Dir(tmp), 0o755); err != nil { // workers have another user
		t.Fatal(err)
	}
	if err := os.Chmod(tmp, 0o777); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	var said bytes.Buffer
	cmd.Stdout = &said
	s := harness.Start(t, cmd)
	var got bytes.Buffer
	client := workertest.Client{}
	if _, err := client.Get(t.Context(), s.Addr, "hello.txt", &got); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%v, got %q", err, &got)
	}
	if result, err := client.Get(t.Context(), s.Addr, "initrd.img", io.Discard); err != nil {
		t.Errorf("%v, %v", result, err)
	}
	// Ctrl-C at a terminal is for the script and for brood.
	for _, pid := range harness.Children(s.PID) {
		syscall.Kill(pid, syscall.SIGINT)
	}
	s.Signal(syscall.SIGINT)
	s.Exit()
	if left, err := filepath.Glob(filepath.Join(tmp, "*")); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if !strings.Contains(said.String(), "curl -O tftp://127.0.0.1:0/hello.txt") {
		t.Errorf("it says %q, want a curl command", &said)
	}
}
