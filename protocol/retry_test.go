package protocol

import (
	"testing"
	"time"
)

func TestRetryTimeouts(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name  string
		base  time.Duration
		fixed bool
		want  []time.Duration
	}{
		{"doubling up to a minute", 5 * s, false, []time.Duration{5 * s, 10 * s, 20 * s, 40 * s, 60 * s, 60 * s}},
		{"as negotiated", 5 * s, true, []time.Duration{5 * s, 5 * s, 5 * s, 5 * s, 5 * s, 5 * s}},
		{"one above a minute stays", 90 * s, false, []time.Duration{90 * s, 90 * s}},
		{"zero is the default", 0, false, []time.Duration{s, 2 * s, 4 * s}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRetry(tt.base, tt.fixed, len(tt.want)-1)
			for i, want := range tt.want {
				if got := r.timeout(); got != want {
					t.Errorf("try %d waits %v, want %v", i, got, want)
				}
				if more := r.again(time.Time{}); more != (i < len(tt.want)-1) {
					t.Errorf("another try after %d: %v", i, more)
				}
			}
			r.progress()
			if got := r.timeout(); got != tt.want[0] {
				t.Errorf("after progress %v, want %v", got, tt.want[0])
			}
		})
	}
}

func TestRetryFollowsTheRoundTrip(t *testing.T) {
	const ms = time.Millisecond
	now := time.Unix(1, 0)
	r := newRetry(time.Second, false, 1) // patience: 1s + 2s
	r.measure(100 * ms)
	r.start(now)
	// RFC 6298 §2.2: SRTT + 4 * RTTVAR, which begins at half of the round trip.
	for i, want := range []time.Duration{300 * ms, 600 * ms, time.Second, time.Second} {
		if got := r.timeout(); got != want {
			t.Errorf("try %d waits %v, want %v", i, got, want)
		}
		if !r.again(now.Add(time.Duration(i) * 900 * ms)) {
			t.Errorf("gave up after %d tries, in %v", i, time.Duration(i)*900*ms)
		}
	}
	if r.again(now.Add(3 * time.Second)) {
		t.Error("did not give up after 3s of silence")
	}
	r.progress()
	if got := r.timeout(); got != time.Second {
		t.Errorf("after an answer to a repeated packet it waits %v, want the backed-off 1s until it has measured", got)
	}
	for range 100 {
		r.measure(50 * time.Microsecond)
	}
	if got := r.timeout(); got != minTimeout {
		t.Errorf("a fast link waits %v, want the floor, %v", got, minTimeout)
	}
	r.measure(time.Second)
	if got := r.timeout(); got != time.Second {
		t.Errorf("after a late answer it waits %v, want the ceiling, 1s", got)
	}
}

func TestRetryKeepsTheTimeoutThatTheClientNegotiated(t *testing.T) {
	r := newRetry(3*time.Second, true, 2)
	r.measure(time.Millisecond)
	for i := range 3 {
		if got := r.timeout(); got != 3*time.Second {
			t.Errorf("try %d waits %v, want 3s", i, got)
		}
		if more := r.again(time.Unix(1, 0)); more != (i < 2) {
			t.Errorf("another try after %d: %v", i, more)
		}
	}
}
