package top

import (
	"strings"
	"testing"
)

func TestASessionIsEndedAfterAQuestion(t *testing.T) {
	t.Parallel()
	m := newModel(t, Options{}, 80, 24)
	asks := func(want string) {
		t.Helper()
		if got := text(m); !strings.Contains(got, want) {
			t.Errorf("want %q:\n%s", want, got)
		}
	}
	press(m, "k")
	asks("\nend which session? pick one by the arrow keys\n")
	press(m, "down", "down", "k")
	asks("\nEnd session 2 of 192.0.2.9:2070, images/initrd.img? y: yes, another key: no\n")
	for _, key := range []string{"n", "enter", "q", "esc", "down", "space"} {
		if do := press(m, key); do != (Action{}) {
			t.Errorf("%s does %+v", key, do)
		}
		if do := press(m, "y"); do != (Action{}) || ids(m) != "1 [2] 3 4" {
			t.Errorf("%s, and then y: %+v, %s", key, do, ids(m))
		}
		press(m, "k")
	}
	do := press(m, "y")
	if do.Kill == nil || *do.Kill != (Target{PID: 4700, ID: 2}) {
		t.Errorf("yes does %+v", do)
	}
	press(m, "k")
	other := snapshot(four()...)
	other.Hello.PID++
	m.Refresh(noon, other)
	if do := press(m, "y"); do != (Action{}) {
		t.Errorf("another process has come, and yes does %+v", do)
	}
	press(m, "down", "k")
	m.Left(noon, "")
	if do := press(m, "y"); do != (Action{}) {
		t.Errorf("the server has gone, and yes does %+v", do)
	}
	press(m, "k")
	asks("\nthe server can't be asked\n")

	m = newModel(t, Options{}, 80, 24)
	m.seen.Hello.MayChange = false
	press(m, "down", "k")
	asks("\nyou may only look: ending sessions is for root and the socket's group\n")
}

func TestKeysThatEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		keys string
		want Action
	}{
		{"q", Action{Quit: true}},
		{"ctrl+c", Action{Quit: true}},
		{"? q", Action{Quit: true}},
		{"down enter q", Action{Quit: true}},
		{"/ ctrl+c", Action{Quit: true}},
		{"/ q", Action{}},
		{"down k ctrl+c", Action{Quit: true}},
		{"ctrl+z", Action{Suspend: true}},
		{"space", Action{Refresh: true}},
		{"? x", Action{}},
		{"f1", Action{}},
	} {
		m := newModel(t, Options{}, 80, 24)
		if do := press(m, strings.Fields(tt.keys)...); do != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.keys, do, tt.want)
		}
	}
}

// The page is all there is to know, on a small screen, too.
func TestHelpFits(t *testing.T) {
	t.Parallel()
	m := newModel(t, Options{}, 60, 20)
	press(m, "?")
	got := text(m)
	if got != help+"\n" || !strings.Contains(got, "acknowledged for 5 s") || StuckAfter.String() != "5s" {
		t.Errorf("it is\n%s", got)
	}
	press(m, "x")
	if got := text(m); !strings.Contains(got, "CLIENT") {
		t.Errorf("another key leads to\n%s", got)
	}
}
