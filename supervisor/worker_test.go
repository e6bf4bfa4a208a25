package supervisor

import (
	"testing"
	"time"

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
		w := &worker{Child: launch.Child{PIDFD: -1}, asked: tt.from}
		w.press(now)
		if w.asked != tt.to || !w.patience.Equal(now.Add(grace)) {
			t.Errorf("after %d comes %d, want %d, with %v of patience", tt.from, w.asked, tt.to, grace)
		}
	}
	w := &worker{Child: launch.Child{PIDFD: -1}}
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
