package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAWorkersScoreIsSoMuchMemoryAboveTheSupervisors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bound       int64
		own         int
		want, short int
	}{
		{64 << 20, 0, 500, 0},
		{256 << 20, 0, 125, 0},
		{256<<20 + 1, 0, 125, 0},
		{1 << 40, 0, 1, 0},
		{256 << 20, -997, -872, 0}, // of a pod that Kubernetes guarantees its memory
		{256 << 20, 950, 1000, 75}, // and of one that it doesn't
		{1 << 20, 0, 1000, 0},
		{1 << 20, -1000, 0, 0},
	} {
		e := expendableOf(tt.bound, tt.own, nil)
		if e.score != tt.want || e.short != tt.short {
			t.Errorf("within %d bytes and beside %d: %d and short by %d, want %d and %d", tt.bound, tt.own, e.score, e.short, tt.want, tt.short)
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

// marked is what became of one child.
type marked struct {
	Name, Err, Score string
	Separate         bool // it has another user
	Files            int  // whose rights to files its parent has afterwards
}

// refused is one that those who may try may not mark.
const refused = ", to others"

// markChild marks children of its own, as a supervisor that has left root does.
func markChild() int {
	runtime.LockOSThread()
	var who *identity
	separate, err := startsOthers()
	if err != nil {
		return 1
	}
	if separate {
		who = &identity{65534, 65534}
	}
	e := expendableOf(headStart, 0, who)
	others := &expendable{score: maxScore, owners: []int{65533, 65533}}
	for _, c := range []struct {
		name string
		by   *expendable
	}{{"dumpable", e}, {"undumpable", e}, {"undumpable" + refused, others}} {
		name, by := c.name, c.by
		m := marked{Name: name, Separate: separate}
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), childEnv+"="+strings.TrimSuffix(name, refused))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who.credential()}
		in, err1 := cmd.StdinPipe()
		out, err2 := cmd.StdoutPipe()
		if errors.Join(err1, err2) != nil || cmd.Start() != nil {
			return 1
		}
		io.ReadFull(out, make([]byte, len("up\n")))
		if err := by.mark(cmd.Process.Pid); err != nil {
			m.Err = err.Error()
		}
		score, _ := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", cmd.Process.Pid))
		m.Score, m.Files = strings.TrimSpace(string(score)), fileIdentity()
		in.Close()
		cmd.Wait()
		json.NewEncoder(os.Stdout).Encode(m)
	}
	return 0
}

// The file is the worker's user's at first, and root's once the worker can't be dumped.
func TestAWorkerIsMarkedWhoeverItsFileBelongsTo(t *testing.T) {
	t.Parallel()
	cmd, stderr := self(t, "mark")
	unprivileged(cmd)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s%s", err, out, stderr)
	}
	own, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		t.Fatal(err)
	}
	inherited := strings.TrimSpace(string(own))
	d, n := json.NewDecoder(strings.NewReader(string(out))), 0
	for ; d.More(); n++ {
		var m marked
		if err := d.Decode(&m); err != nil {
			t.Fatal(err)
		}
		want, fault := "1000", ""
		switch {
		case strings.HasSuffix(m.Name, refused):
			want, fault = inherited, "permission denied"
		case m.Name == "undumpable" && !m.Separate:
			want = inherited // nobody there may be root for that
		}
		mine := unix.Geteuid()
		if mine == 0 {
			mine = ownID
		}
		if !strings.Contains(m.Err, fault) || (m.Err == "") != (fault == "") || m.Score != want || m.Files != mine {
			t.Errorf("%+v, want it to count for %s, and uid %d's rights to files", m, want, mine)
		}
	}
	if n != 3 {
		t.Errorf("%d children are told of: %s", n, out)
	}
}
