package supervisor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAWorkersScoreIsSoMuchMemoryAboveTheSupervisors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bound int64
		own   int
		want  string
	}{
		{64 << 20, 0, "500"},
		{256 << 20, 0, "125"},
		{256<<20 + 1, 0, "125"},
		{1 << 40, 0, "1"},
		{256 << 20, -997, "-872"}, // of a pod that Kubernetes guarantees its memory
		{256 << 20, 950, "1000"},
		{1 << 20, 0, "1000"},
	} {
		if got := expendableOf(tt.bound, tt.own, nil).score; got != tt.want {
			t.Errorf("within %d bytes and beside %d: %s, want %s", tt.bound, tt.own, got, tt.want)
		}
	}
}

// dumpableChild stays as it was born until its standard input ends; undumpableChild becomes
// what a worker in a sandbox is.
func dumpableChild() int {
	fmt.Println("up")
	io.Copy(io.Discard, os.Stdin)
	return 0
}

func undumpableChild() int {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return 1
	}
	return dumpableChild()
}

// The file is the worker's user's at first, and root's once the worker can't be dumped.
func TestAWorkerIsMarkedWhoeverItsFileBelongsTo(t *testing.T) {
	t.Parallel()
	able, err := startsOthers()
	if err != nil {
		t.Fatal(err)
	}
	var who *identity
	if able {
		who = &identity{65534, 65534}
	}
	e := expendableOf(headStart, 0, who)
	for _, name := range []string{"dumpable", "undumpable"} {
		cmd, _ := self(t, name)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who.credential()}
		in, err1 := cmd.StdinPipe()
		cmd.Stdout = nil
		out, err2 := cmd.StdoutPipe()
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		io.ReadFull(out, make([]byte, 3))
		err := e.mark(cmd.Process.Pid)
		score, _ := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", cmd.Process.Pid))
		if late := !able && name == "undumpable"; err != nil || (string(score) == "1000\n") == late {
			t.Errorf("%s: %v, and it counts for %q", name, err, score)
		}
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := e.mark(cmd.Process.Pid); err != nil {
			t.Errorf("%s, after its end: %v", name, err)
		}
	}
	if uid, err := unix.SetfsuidRetUid(-1); err != nil || uid != unix.Geteuid() {
		t.Errorf("files are opened as %d after it, %v", uid, err)
	}
}
