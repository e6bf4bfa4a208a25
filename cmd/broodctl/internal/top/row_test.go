package top

import (
	"testing"

	"brood/ipc/admin"
)

func TestMarks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		admin.Session
		signs string
	}{
		{"all is well", admin.Session{State: "serving", Packets: 1000, Retransmissions: 49}, "  "},
		{"a moment of silence", admin.Session{State: "serving", Silence: 4.9}, "  "},
		{"stuck", admin.Session{State: "serving", Silence: 5}, "! "},
		{"a few of few packets", admin.Session{State: "serving", Packets: 8, Retransmissions: 4}, "  "},
		{"lossy", admin.Session{State: "serving", Packets: 1000, Retransmissions: 50}, " r"},
		{"stuck, and sent over and over", admin.Session{State: "serving", Silence: 30, Packets: 6, Retransmissions: 5}, "!r"},
		{"it waits, and nobody can acknowledge", admin.Session{State: "waiting", Silence: 30}, "w "},
		{"it was told to end", admin.Session{State: "ending", Silence: 30}, "x "},
	} {
		if got := newRow(&tt.Session).signs(); got != tt.signs {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.signs)
		}
	}
}

func TestWhatIsDone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		admin.Session
		percent, bar string
	}{
		{"the first block is on its way", admin.Session{Size: 1000}, "0 %", "........"},
		{"almost all", admin.Session{Size: 1000, Bytes: 999}, "99 %", "=======."},
		{"all", admin.Session{Size: 1000, Bytes: 1000}, "100 %", "========"},
		{"more than was said", admin.Session{Size: 1000, Bytes: 2000}, "100 %", "========"},
		{"of nothing", admin.Session{}, "0 %", "........"},
		{"of what nobody knows", admin.Session{Size: -1, Bytes: 1500}, "-", "1.5 kB"},
		{"it waits", admin.Session{State: "waiting", Size: -1}, "-", ""},
	} {
		r := newRow(&tt.Session)
		if got := percent(r); got != tt.percent {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.percent)
		}
		if got := bar(r, 8); got != tt.bar {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.bar)
		}
	}
}

func TestCountsAreShort(t *testing.T) {
	t.Parallel()
	for n, want := range map[uint64]string{0: "0", 99_999: "99999", 100_000: "100k", 9_999_999: "9999k", 10_000_000: "10M", 1 << 63: "9223372036G"} {
		if got := count(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
