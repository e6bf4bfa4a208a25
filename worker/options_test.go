package worker

import (
	"testing"
	"time"
)

func TestOptionsHaveDefaults(t *testing.T) {
	t.Parallel()
	for given, want := range map[time.Duration]time.Duration{
		0:           5 * time.Second,
		-1:          5 * time.Second,
		time.Second: time.Second,
	} {
		if got := (Options{OpenTimeout: given}).withDefaults().OpenTimeout; got != want {
			t.Errorf("OpenTimeout %v becomes %v, want %v", given, got, want)
		}
	}
}
