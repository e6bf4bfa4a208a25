package protocol

import (
	"testing"
	"time"
)

func TestSenderRepairsALostTailAfterAboutARoundTrip(t *testing.T) {
	const rtt = 30 * time.Millisecond
	for _, window := range []int{1, 16} {
		s := NewSender(SenderConfig{Windowsize: window, OACK: true, Retries: 5})
		now := time.Unix(0, 0)
		s.Step(now, whole(1000))
		a := s.Step(now, start)
		for n := 0; n < 20*window; n += window {
			now = now.Add(rtt)
			a = s.Step(now, ack(uint16(n)))
		}
		lost := a.Wake.Sub(now)
		if lost > 2*rtt {
			t.Errorf("window %d: a lost packet is missed after %v, the round trip is %v", window, lost, rtt)
		}
		now = a.Wake
		a = s.Step(now, timer)
		if a.Again != 1 || a.First != s.sent {
			t.Errorf("window %d: the timer resends %d blocks from %d, want the last", window, a.Again, a.First)
		}
		if again := a.Wake.Sub(now); again != 2*lost {
			t.Errorf("window %d: waits %v for a repetition, want twice %v", window, again, lost)
		}
		// Karn's algorithm: the answer may be to the first sending.
		before := s.timer.srtt
		s.Step(now.Add(time.Millisecond), ack(s.Wire(s.sent)))
		if s.timer.srtt != before {
			t.Errorf("window %d: a repeated packet was measured", window)
		}
	}
}

func TestSenderMeasuresNothingBeforeTheFirstAnswer(t *testing.T) {
	s := NewSender(SenderConfig{Retries: 3})
	now := time.Unix(0, 0)
	s.Step(now, start)
	a := s.Step(now, whole(5))
	for i := range 3 {
		wait := a.Wake.Sub(now)
		if want := time.Second << i; wait != want {
			t.Errorf("an unproven peer gets its %d. packet after %v, want %v", i+2, wait, want)
		}
		now = a.Wake
		a = s.Step(now, timer)
	}
	if a = s.Step(a.Wake, timer); a.Outcome != TimedOut {
		t.Errorf("after 1 + Retries packets: %+v, want timed out", a)
	}
}

// A peer that has gone is missed, too, while the content is slow and it owes
// nothing. One that repeats its ACK is alive.
func TestSenderDoesNotWaitForEverForContent(t *testing.T) {
	const patience = (1 + 2 + 4) * time.Second
	for _, tt := range []struct {
		name   string
		oack   bool
		window int
		before []Event
	}{
		{"before the first block", false, 1, nil},
		{"after the OACK", true, 8, []Event{ack(0)}},
		{"in mid-window", true, 8, []Event{content(3), ack(0)}},
		{"between windows", true, 2, []Event{content(2), ack(0), ack(2)}},
	} {
		s := NewSender(SenderConfig{Windowsize: tt.window, OACK: tt.oack, Retries: 2})
		now := time.Unix(0, 0)
		a := s.Step(now, start)
		for _, ev := range tt.before {
			s.probe = probe{}
			a = s.Step(now, ev)
		}
		want := patience
		if s.sent > 0 {
			want = time.Second // to nudge it
		}
		if got := a.Wake.Sub(now); got != want {
			t.Errorf("%s: wakes after %v, want %v", tt.name, got, want)
		}
		now = now.Add(patience / 2)
		s.Step(now, ack(0))
		if a = s.Step(now.Add(patience-1), timer); a.Done {
			t.Errorf("%s: a peer that was heard of is missed too soon: %+v", tt.name, a)
		}
		if a = s.Step(now.Add(patience), timer); a.Outcome != TimedOut {
			t.Errorf("%s: after %v of silence: %+v, want timed out", tt.name, patience, a)
		}
	}
}

// Each second the last block says that the server is there, whatever the peer says,
// and never before it has proved its address.
func TestAPeerThatWaitsForContentIsNudged(t *testing.T) {
	for _, tt := range []struct {
		name   string
		window int
		fixed  time.Duration
		before []Event
		want   string
	}{
		{"in lock-step", 1, 0, []Event{content(2), ack(1), ack(2)}, "2-2 again 1 +1s"},
		{"between windows", 2, 0, []Event{content(2), ack(1), ack(2)}, "2-2 again 1 +1s"},
		{"in mid-window", 4, 0, []Event{content(3), ack(1)}, "3-3 again 1 +1s"},
		{"by the timeout that it asked for", 1, 3 * time.Second, []Event{content(1), ack(1)}, "1-1 again 1 +3s"},
	} {
		s := NewSender(SenderConfig{Windowsize: tt.window, Retries: 2, Timeout: tt.fixed, Fixed: tt.fixed > 0})
		now := time.Unix(0, 0)
		a := s.Step(now, start)
		for _, ev := range tt.before {
			a = s.Step(now, ev)
		}
		for range 100 {
			now = a.Wake
			if a = s.Step(now, timer); a.brief(now) != tt.want {
				t.Fatalf("%s: %q, want %q", tt.name, a.brief(now), tt.want)
			}
			if again := s.Step(now, timer); again.Count != 0 {
				t.Fatalf("%s: nudged twice at once", tt.name)
			}
			// It answers, and its own timer makes it repeat that: neither brings anything.
			for range 2 {
				if a = s.Step(now, ack(s.Wire(s.sent))); a.Count != 0 || a.Done {
					t.Fatalf("%s: its ACK brings %q", tt.name, a.brief(now))
				}
			}
		}
		if a = s.Step(now, whole(s.sent+1)); a.Count != 1 || a.Again != 0 {
			t.Errorf("%s: when content comes: %q", tt.name, a.brief(now))
		}
	}
}
