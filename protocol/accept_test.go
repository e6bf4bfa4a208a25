package protocol

import (
	"testing"
	"time"
)

func TestAccept(t *testing.T) {
	const all = "blksize=1428 windowsize=8 timeout=3 utimeout=20000 tsize=0 rollover=1 blksize2=2048 frob=1"
	tests := []struct {
		name  string
		acked string
		terms func(*Terms)
		size  int64
		bad   bool
	}{
		{"nothing acked", "", nil, -1, false},
		{
			"what was asked", "blksize=1428 windowsize=8 timeout=3 tsize=99 rollover=1",
			func(t *Terms) { *t = Terms{1428, 8, 3 * time.Second, true, 1} }, 99, false,
		},
		{"less than was asked", "blksize=8 windowsize=1", func(t *Terms) { t.Blksize = 8 }, -1, false},
		{"names without case", "BLKSIZE=1024", func(t *Terms) { t.Blksize = 1024 }, -1, false},
		{"microseconds", "utimeout=20000", func(t *Terms) { t.Timeout, t.TimeoutAsked = 20*time.Millisecond, true }, -1, false},
		{"an option of somebody else's", "frob=anything", nil, -1, false},
		{"not asked", "other=1", nil, -1, true},
		{"more blksize", "blksize=1429", nil, -1, true},
		{"too little blksize", "blksize=7", nil, -1, true},
		{"both blksizes", "blksize=1428 blksize2=1024", nil, -1, true},
		{"more windowsize", "windowsize=9", nil, -1, true},
		{"windowsize 0", "windowsize=0", nil, -1, true},
		{"another timeout", "timeout=2", nil, -1, true},
		{"another utimeout", "utimeout=20001", nil, -1, true},
		{"another rollover", "rollover=0", nil, -1, true},
		{"a tsize that is no number", "tsize=big", nil, -1, true},
		{"a tsize beyond int64", "tsize=9223372036854775808", nil, -1, true},
		{"no number at all", "blksize=", nil, -1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := base
			if tt.terms != nil {
				tt.terms(&want)
			}
			terms, size, err := accept(opts(all), opts(tt.acked), time.Second)
			if (err != nil) != tt.bad || err == nil && (terms != want || size != tt.size) {
				t.Errorf("%q: %+v, %d, %v; want %+v, %d", tt.acked, terms, size, err, want, tt.size)
			}
			if err != nil && err.Code != CodeOptionRefused {
				t.Errorf("%q: refused with %v, want ERROR 8", tt.acked, err)
			}
		})
	}
}

func TestAcceptRefusesAWindowOfAWholeCycle(t *testing.T) {
	asked := opts("windowsize=65535 rollover=1")
	if _, _, err := accept(asked, asked, time.Second); err == nil {
		t.Error("accepted 65535 blocks in a cycle of 65535 numbers")
	}
}
