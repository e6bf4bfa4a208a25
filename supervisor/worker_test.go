package supervisor

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/launch"
)

func TestAllowance(t *testing.T) {
	t.Parallel()
	start := time.Now()
	for _, tt := range []struct {
		name  string
		every time.Duration
		n     int
		want  int // taken before the first refusal
	}{
		{"a frame a second, for an hour", time.Second, 3600, 3600},
		{"as many as are allowed, for an hour", time.Second / framesPerSec, 3600 * framesPerSec, 3600 * framesPerSec},
		{"a burst, and no more", 0, frameBurst + 1, frameBurst},
		{"a flood", time.Millisecond, 100 * frameBurst, frameBurst + (frameBurst-1)*framesPerSec/(1000-framesPerSec)},
	} {
		var w worker
		now, taken := start, 0
		for range tt.n {
			if !w.allowsFrame(now) {
				break
			}
			taken++
			now = now.Add(tt.every)
		}
		if taken != tt.want {
			t.Errorf("%s: %d frames were allowed of %d, want %d", tt.name, taken, tt.n, tt.want)
		}
	}
}

func TestAllowanceGrowsAgainWithTime(t *testing.T) {
	t.Parallel()
	var w worker
	now := time.Now()
	for range frameBurst {
		w.allowsFrame(now)
	}
	now = now.Add(time.Hour)
	for i := range frameBurst {
		if !w.allowsFrame(now) {
			t.Fatalf("after an hour of silence frame %d was refused, want %d allowed", i+1, frameBurst)
		}
	}
	if w.allowsFrame(now) {
		t.Errorf("after an hour of silence more than %d frames were allowed at once", frameBurst)
	}
}

func TestPressGrowsStronger(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, tt := range []struct{ from, to ask }{
		{notAsked, askedTerm}, {askedNicely, askedTerm}, {askedTerm, askedKill}, {askedKill, askedKill},
	} {
		w := &worker{Child: launch.Child{PIDFD: -1, Helper: -1}, asked: tt.from}
		w.press(now)
		if w.asked != tt.to || !w.patience.Equal(now.Add(grace)) {
			t.Errorf("after %d comes %d, want %d, with %v of patience", tt.from, w.asked, tt.to, grace)
		}
	}
	w := &worker{Child: launch.Child{PIDFD: -1, Helper: -1}}
	if w.kill(now); w.asked != askedKill {
		t.Errorf("kill asks by %d, want %d", w.asked, askedKill)
	}
}

// worker_test.go
func TestAllowanceForgivesWhatPiledUpInAPipe(t *testing.T) {
	t.Parallel()
	progress := ipc.Frame{Kind: ipc.KindProgress, Session: 100, Blksize: 512, Windowsize: 1, Size: 1 << 30, Bytes: 1 << 20, Packets: 1 << 11}
	b, err := progress.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	var w worker
	now := time.Now()
	w.allowsFrame(now)
	now = now.Add(time.Hour) // stopped, and going on again
	for i := range ipc.MaxFrame / len(b) {
		if !w.allowsFrame(now) {
			t.Fatalf("frame %d of the %d that a pipe holds was not allowed", i+1, ipc.MaxFrame/len(b))
		}
	}
}

// A worker that hangs in the kernel costs its place, and neither its client's
// patience nor the end of the server.
func TestAWorkerThatDoesNotDieCostsItsPlaceOnly(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MaxSessions: 2, StallTimeout: time.Minute, MinIdle: -1})
	w := f.busy(&session{with: testWith})
	hung := f.now.Add(time.Minute)
	f.tick(hung) // it is told to end
	for w.asked != askedKill {
		f.tick(w.patience)
	}
	f.tick(w.killed.Add(stuckAfter - 1))
	if w.session == nil || f.stuck != 0 {
		t.Fatal("it was given up before its time")
	}
	f.tick(w.killed.Add(stuckAfter + grace))
	if w.session != nil || f.stuck != 1 || len(f.pool.busy) != 1 || f.full() || f.finished() {
		t.Errorf("session %+v, %d stuck, %d places taken; want its session ended and its place kept", w.session, f.stuck, len(f.pool.busy))
	}
	f.tick(w.patience.Add(grace)) // once is enough
	young := &worker{Child: w.Child, id: 99, killed: f.now, asked: askedKill, patience: f.now, wave: f.pool.wave}
	f.pool.all[young.id], f.pool.starting = young, 1
	f.tick(f.now.Add(stuckAfter))
	if f.stuck != 2 || f.pool.starting != 0 || !f.full() {
		t.Errorf("%d stuck, %d starting, full %v; want two, none and full", f.stuck, f.pool.starting, f.full())
	}
	f.hurry(f.now)
	if !f.finished() {
		t.Error("the server waits for a worker that does not die")
	}
	f.dies(w, ipc.Exit{Signal: unix.SIGKILL}, "")
	if f.stuck != 1 || f.full() {
		t.Errorf("after its end %d stuck, full %v", f.stuck, f.full())
	}
	if got := f.reported(); len(got) != 1 || got[0].Outcome != Stalled || !strings.Contains(got[0].Detail, "does not die") {
		t.Errorf("recorded %+v, want one stalled session, and why", got)
	}
}
