package supervisor

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// peak is what this process has had of memory at most so far, in KiB: it may have more later.
func peak(t *testing.T) int64 {
	t.Helper()
	var own unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &own); err != nil {
		t.Fatal(err)
	}
	return int64(own.Maxrss)
}

func TestNobodyIsToBlameForWhatOthersHadOfTheMemory(t *testing.T) {
	t.Parallel()
	const usual = 10 << 20 // KiB, more than this process ever has
	killed := func(kib int64) ipc.Exit { return ipc.Exit{Signal: unix.SIGKILL, MaxRSS: kib} }
	for _, tt := range []struct {
		name   string
		o      Options
		usual  int64 // of a worker that ended well before
		kernel uint64
		ago    time.Duration // since the kernel ended somebody
		exit   ipc.Exit
		blamed bool
		memory bool // it is in the line
	}{
		{"as much as the supervisor", Options{}, 0, 1, 0, killed(peak(t)), false, true},
		{"as much as others", Options{}, usual, 1, 0, killed(usual + usualMore), false, true},
		{"more than all others", Options{}, usual, 1, 0, killed(usual + usualMore + 1), true, true},
		{"in a group of the workers' own", Options{WorkersMemory: 64 << 20}, 0, 1, 0, killed(peak(t)), false, true},
		{"more than others in it", Options{WorkersMemory: 64 << 20}, usual, 1, 0, killed(usual + usualMore + 1), true, true},
		{"ended by itself with that signal", Options{}, 0, 0, 0, killed(1), true, false},
		{"long after another one", Options{}, 0, 1, lateDeath, killed(1), true, false},
		{"a crash while the kernel ends another", Options{}, 0, 1, 0, ipc.Exit{Signal: unix.SIGSEGV, MaxRSS: 1}, true, false},
	} {
		f := newFake(t, tt.o)
		if tt.o.WorkersMemory > 0 {
			f.bounded().Killed += tt.kernel
		} else {
			f.kills.count = func() uint64 { return tt.kernel }
		}
		if tt.ago > 0 {
			f.kills.look(f.now.Add(-tt.ago))
		}
		if tt.usual > 0 {
			f.dies(f.busy(&session{}), ipc.Exit{MaxRSS: tt.usual}, "")
		}
		for range loopCrashes {
			f.dies(f.busy(&session{datagram: "it"}), tt.exit, "")
		}
		if got := f.crashes.paused(f.now, "it") > 0; got != tt.blamed {
			t.Errorf("%s: it is refused: %v, want %v", tt.name, got, tt.blamed)
		}
		r := f.reported()
		if got := strings.Contains(r[len(r)-1].Detail, " for want of memory"); got != tt.memory {
			t.Errorf("%s: %q, which speaks of memory: %v, want %v", tt.name, r[len(r)-1].Detail, got, tt.memory)
		}
	}
}

func TestWhereTheKernelTellsNothingACrashIsACrash(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{})
	for range loopCrashes {
		f.dies(f.busy(&session{datagram: "it"}), ipc.Exit{Signal: unix.SIGKILL, MaxRSS: 1}, "")
	}
	if f.crashes.paused(f.now, "it") == 0 {
		t.Error("it is tried for ever")
	}
}
