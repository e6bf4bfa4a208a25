package supervisor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/supervisor/internal/cgroup"
)

// bounded gives a fake's workers a group whose events the test makes.
func (f *fake) bounded() *cgroup.Events {
	events := &cgroup.Events{Killed: 7, Refused: 7} // of a server before
	f.leaf = &leaf{count: func() cgroup.Events { return *events }, written: f.workersLimits(), events: *events}
	f.kills.seen = events.Killed
	return events
}

func TestASessionThatHadNoMemorySaysSo(t *testing.T) {
	t.Parallel()
	const text = "worker 4711: killed by SIGKILL"
	const starved = text + " for want of memory: all workers together may have 64 MiB (WorkersMemory)"
	killed := ipc.Exit{Signal: unix.SIGKILL}
	for _, tt := range []struct {
		name    string
		o       Options
		bounded bool
		killed  uint64        // by the kernel
		ago     time.Duration // when the loop heard of it; 0: not yet
		exit    ipc.Exit
		want    string
	}{
		{"without a group", Options{}, false, 0, 0, killed, text},
		{"killed by somebody", Options{WorkersMemory: 64 << 20}, true, 0, 0, killed, text},
		{"killed by the kernel", Options{WorkersMemory: 64 << 20}, true, 1, 0, killed, starved},
		{"killed by the kernel, as is known already", Options{WorkersMemory: 64 << 20}, true, 1, time.Second, killed, starved},
		{"killed after another one was by the kernel", Options{WorkersMemory: 64 << 20}, true, 1, time.Minute, killed, text},
		{"a crash while the kernel kills another", Options{WorkersMemory: 64 << 20}, true, 1, 0, ipc.Exit{Signal: unix.SIGSEGV}, "worker 4711: killed by SIGSEGV"},
		{
			"killed by the kernel without a bound of ours",
			Options{WorkersTasks: 100},
			true, 1, 0, killed,
			text + " for want of memory: all workers together may have what the machine has",
		},
	} {
		f := newFake(t, tt.o)
		if tt.bounded {
			events := f.bounded()
			events.Killed += tt.killed
			if tt.ago > 0 {
				f.look(f.now.Add(-tt.ago))
			}
		}
		f.dies(f.busy(&session{}), tt.exit, "")
		if r := f.reported(); len(r) != 1 || r[0].Outcome != Crashed || r[0].Detail != tt.want {
			t.Errorf("%s: %+v, want a crash with %q", tt.name, r, tt.want)
		}
	}
}

func TestAWorkerThatTheSupervisorKilledHadMemory(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{WorkersMemory: 64 << 20})
	f.bounded().Killed++
	w := f.busy(&session{})
	w.violated, w.asked = "numbers that can't be", askedKill
	f.dies(w, ipc.Exit{Signal: unix.SIGKILL}, "")
	if r := f.reported(); len(r) != 1 || strings.Contains(r[0].Detail, "memory") {
		t.Errorf("%+v, want no word of memory", r)
	}
}

func TestAStartThatIsOneTooManyNamesTheBound(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{WorkersTasks: 100})
	events := f.bounded()
	if got := f.crowded(f.now, "no threads"); got != "no threads" {
		t.Errorf("before anything was refused: %s", got)
	}
	events.Refused++
	const want = "no threads; processes and threads that all workers together may have: 100 (WorkersTasks)"
	for _, now := range []time.Time{f.now, f.now.Add(time.Second)} {
		if got := f.crowded(now, "no threads\ngoroutine 1 [running]:"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := f.crowded(f.now.Add(time.Minute), "no threads"); got != "no threads" {
		t.Errorf("a minute later: %s", got)
	}
}

func TestWorkersLimitsAreNoneOrEnoughForOne(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		o    Options
		want string // "": no fault
	}{
		{Options{}, ""},
		{Options{WorkersMemory: 16 << 20, WorkersTasks: 32}, ""},
		{Options{WorkersMemory: -1}, "WorkersMemory -1: want at least 16777216 bytes, or 0 for no bound"},
		{Options{WorkersMemory: 16<<20 - 1}, "WorkersMemory 16777215: want"},
		{Options{WorkersTasks: -1}, "WorkersTasks -1: want at least 32, or 0 for no bound"},
		{Options{WorkersTasks: 31}, "WorkersTasks 31: want"},
	} {
		_, err := tt.o.settle()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%d and %d: %v, want %q", tt.o.WorkersMemory, tt.o.WorkersTasks, err, tt.want)
		}
	}
}

func TestAReloadNeitherMakesNorLeavesAGroup(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		before, next Options
		fixed        []string
	}{
		{"none", Options{}, Options{}, nil},
		{"another bound", Options{WorkersTasks: 50}, Options{WorkersTasks: 60}, nil},
		{"the other one", Options{WorkersTasks: 50}, Options{WorkersMemory: 1 << 30}, nil},
		{"at once", Options{}, Options{WorkersTasks: 50}, []string{"WorkersTasks"}},
		{"no more", Options{WorkersTasks: 50, WorkersMemory: 1 << 30}, Options{}, []string{"WorkersMemory", "WorkersTasks"}},
	} {
		f := newFake(t, tt.before)
		if tt.before.workersLimits() != (cgroup.Limits{}) {
			f.bounded()
		}
		next, err := tt.next.settle()
		if err != nil {
			t.Fatal(err)
		}
		if names := f.fixed(next); !slices.Equal(names, tt.fixed) {
			t.Errorf("%s: fixed are %q, want %q", tt.name, names, tt.fixed)
		}
	}
}
