package figures

import (
	"testing"
	"time"
)

func TestFiguresAreShort(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_951: "1.0 MB", 5e12: "5000.0 GB"} {
		if got := Size(n); got != want {
			t.Errorf("%d bytes: %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0.00 ms", 1234 * time.Microsecond: "1.23 ms", 123 * time.Millisecond: "123 ms", 61234 * time.Millisecond: "61.23 s"} {
		if got := Span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	if got := Rate(1000, 0); got != "1000.0 GB/s" {
		t.Errorf("in no time: %q", got)
	}
	for d, want := range map[time.Duration]string{0: "0 s", 1400 * time.Millisecond: "1 s", 59 * time.Second: "59 s", 61 * time.Second: "1m01s", 3601 * time.Second: "1h00m", 25 * time.Hour: "1d01h", 800 * time.Hour: "33d08h"} {
		if got := Age(d); got != want {
			t.Errorf("an age of %v: %q, want %q", d, got, want)
		}
	}
}
