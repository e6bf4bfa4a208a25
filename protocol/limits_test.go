package protocol

import (
	"testing"
	"time"
)

func TestLimitsTakeTheNearestValidValue(t *testing.T) {
	tests := []struct {
		name            string
		limits          Limits
		blksize, window int // window for blocks of 1024 bytes
		timeout         time.Duration
	}{
		{"zero allows what the RFCs allow", Limits{}, 65464, 65535, time.Second},
		{"too small", Limits{MaxBlksize: 1, MaxWindowsize: -5, Timeout: -1}, 8, 1, time.Second},
		{"too large", Limits{MaxBlksize: 1 << 20, MaxWindowsize: 1 << 20, Timeout: time.Hour}, 65464, 65535, time.Hour},
		{"window bytes", Limits{MaxWindowBytes: 10 * 1028}, 65464, 10, time.Second},
		{"one window byte too few", Limits{MaxWindowBytes: 10*1028 - 1}, 65464, 9, time.Second},
		{"never less than a block", Limits{MaxWindowBytes: 1}, 65464, 1, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if b, w, d := tt.limits.blksize(), tt.limits.windowsize(1024), tt.limits.timeout(); b != tt.blksize || w != tt.window || d != tt.timeout {
				t.Errorf("%+v: blksize %d, windowsize %d, timeout %v; want %d, %d, %v", tt.limits, b, w, d, tt.blksize, tt.window, tt.timeout)
			}
		})
	}
}
