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
	for _, name := range []string{"dumpable", "undumpable"} {
		m := marked{Name: name, Separate: separate}
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), childEnv+"="+name)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who.credential()}
		in, err1 := cmd.StdinPipe()
		out, err2 := cmd.StdoutPipe()
		if errors.Join(err1, err2) != nil || cmd.Start() != nil {
			return 1
		}
		io.ReadFull(out, make([]byte, len("up\n")))
		if err := e.mark(cmd.Process.Pid); err != nil {
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
	d, n := json.NewDecoder(strings.NewReader(string(out))), 0
	for ; d.More(); n++ {
		var m marked
		if err := d.Decode(&m); err != nil {
			t.Fatal(err)
		}
		want := "1000"
		if m.Name == "undumpable" && !m.Separate {
			want = "0" // nobody there may be root for that
		}
		mine := unix.Geteuid()
		if mine == 0 {
			mine = ownID
		}
		if m.Err != "" || m.Score != want || m.Files != mine {
			t.Errorf("%+v, want it to count for %s, and uid %d's rights to files", m, want, mine)
		}
	}
	if n != 2 {
		t.Errorf("%d children are told of: %s", n, out)
	}
}

func TestAFileThatOnlyOthersMayWriteToIsNot(t *testing.T) {
	t.Parallel()
	// Of a process that is nobody's to mark: as an ordinary user, and as root without its
	// capability to write where it may not, which the change of identity takes.
	e := expendable{score: 1000, owners: []int{65533, 65533}}
	if os.Geteuid() != 0 {
		e.owners = []int{unix.Geteuid(), unix.Geteuid()}
	}
	if err := e.mark(1); !errors.Is(err, unix.EACCES) || !strings.Contains(err.Error(), "/proc/1/oom_score_adj") {
		t.Errorf("%v, want a refusal that says where", err)
	}
}
