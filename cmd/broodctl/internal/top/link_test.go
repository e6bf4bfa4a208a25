package top

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// first is the first line of a screen.
func first(m *Model) string {
	line, _, _ := strings.Cut(text(m), "\n")
	return line
}

func last(m *Model) string {
	lines := strings.Split(strings.TrimRight(text(m), "\n"), "\n")
	return lines[len(lines)-1]
}

func TestAServerThatGoes(t *testing.T) {
	t.Parallel()
	nobody := errors.New("s: no such socket")
	for _, tt := range []struct {
		name        string
		happens     func(m *Model)
		first, last string // at the end, and when another process has come
	}{
		{
			"drained", func(m *Model) { m.Left(noon, "drained"); m.Lost(noon.Add(time.Second), nobody) },
			"NO SERVER for 12 s: it has drained and ended: s: no such socket", "another server answers: process 5000",
		},
		{
			"upgraded", func(m *Model) { m.Left(noon, "upgraded") },
			"NO SERVER for 12 s: an upgrade, another process takes over", "upgraded: process 5000 serves; what process 4700 still sends is not shown",
		},
		{
			"killed", func(m *Model) { m.Left(noon, ""); m.Lost(noon, nobody) },
			"NO SERVER for 12 s: it has gone without a word: s: no such socket", "another server answers: process 5000",
		},
		{
			"not found, before anybody heard why", func(m *Model) { m.Lost(noon, nobody); m.Lost(noon.Add(time.Second), nobody) },
			"NO SERVER for 12 s: s: no such socket", "another server answers: process 5000",
		},
		{
			"silent", func(*Model) {}, "NO ANSWER for 12 s", "another server answers: process 5000",
		},
	} {
		m := newModel(t, Options{}, 80, 12)
		tt.happens(m)
		m.Tick(noon.Add(12 * time.Second))
		if got := first(m); got != tt.first {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.first)
		}
		if got := text(m); !strings.Contains(got, "192.0.2.7:2070") {
			t.Errorf("%s: what was known is not on the screen:\n%s", tt.name, got)
		}
		next := snapshot(four()...)
		next.Hello.PID = 5000
		m.Refresh(noon.Add(20*time.Second), next)
		if got := first(m); !strings.HasPrefix(got, "brood 1.0.0   serving for ") {
			t.Errorf("%s: another process has come, and the screen says %q", tt.name, got)
		}
		if got := last(m); got != tt.last {
			t.Errorf("%s: the screen says at last %q, want %q", tt.name, got, tt.last)
		}
		m.Tick(noon.Add(time.Minute))
		if got := last(m); got == tt.last {
			t.Errorf("%s: that is said for ever", tt.name)
		}
	}
}

func TestAServerThatIsBack(t *testing.T) {
	t.Parallel()
	m := newModel(t, Options{}, 80, 12)
	m.Lost(noon, errors.New("s: the server does not answer"))
	m.Refresh(noon.Add(time.Second), snapshot(four()...))
	if got := last(m); got != "the server answers again" {
		t.Errorf("the screen says %q", got)
	}
	m.Tick(noon.Add(4 * time.Second))
	if got := first(m); strings.HasPrefix(got, "NO ") {
		t.Errorf("three seconds after an answer: %q", got)
	}
}

func TestWhatIsSaidOfAServer(t *testing.T) {
	t.Parallel()
	m := newModel(t, Options{}, 110, 12)
	s := snapshot(four()...)
	s.Status.Program = "brood v1.2.0 go1.26.8 linux/amd64"
	s.Status.State, s.Status.DrainLeft, s.Status.Upgrading = "draining", 12, true
	s.Status.Starting = 2
	s.Status.Counters.KernelDrops, s.Status.Counters.TimedOut = 7, 1
	m.Refresh(noon, s)
	want := []string{
		"brood v1.2.0   draining, 12 s left, upgrading   pid 4700   configuration 1",
		"sessions 3 of 1024   waiting 1   stuck 1   rate 63.8 kB/s   idle workers 4 and 2 on their way",
		"failed 5 (+1)   refused 12   kernel drops 7 (+7)   complete 1234   crashed 1   timed out 1 (+1)",
	}
	got := strings.Split(text(m), "\n")
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("line %d is %q, want %q", i+1, got[i], want[i])
		}
	}
}
