package supervisor

import (
	"slices"
	"testing"
	"time"
)

func TestADistributionCountsEachMeasurementOnce(t *testing.T) {
	t.Parallel()
	bounds := []float64{1, 2.5, 10}
	var d distribution
	if told := d.tell(bounds); !slices.Equal(told.Counts, make([]uint64, 4)) {
		t.Errorf("of nothing: %+v", told)
	}
	for _, v := range []float64{0, 1, 1.5, 2.5, 9, 11, 1e9} {
		d.add(bounds, v)
	}
	told := d.tell(bounds)
	d.add(bounds, 1)
	if want := []uint64{2, 2, 1, 2}; !slices.Equal(told.Counts, want) || told.Sum != 1e9+25 || !slices.Equal(told.Bounds, bounds) {
		t.Errorf("told %+v, want the counts %v", told, want)
	}
}

func TestWhatIsMeasuredOfASession(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                   string
		r                      SessionStats
		duration, first, rated bool
	}{
		{"complete", SessionStats{WorkerPID: 1, Outcome: Complete, Duration: time.Second, FirstSent: time.Millisecond, Bytes: 1 << 20}, true, true, true},
		{"a small file", SessionStats{WorkerPID: 1, Outcome: Complete, Duration: time.Second, FirstSent: time.Millisecond, Bytes: rateFrom - 1}, true, true, false},
		{"in no time", SessionStats{WorkerPID: 1, Outcome: Complete, Duration: time.Millisecond, FirstSent: time.Millisecond, Bytes: 1 << 20}, true, true, false},
		{"broken off", SessionStats{WorkerPID: 1, Outcome: TimedOut, Duration: time.Second, FirstSent: time.Millisecond, Bytes: 1 << 20}, true, true, false},
		{"never answered", SessionStats{WorkerPID: 1, Outcome: Crashed, Duration: time.Second}, true, false, false},
		{"without a worker", SessionStats{Outcome: Unserved, Duration: time.Second}, false, false, false},
	} {
		var d distributions
		d.add(&tt.r)
		for _, m := range []struct {
			what string
			d    distribution
			want bool
		}{{"duration", d.durations, tt.duration}, {"first answer", d.firstAnswers, tt.first}, {"rate", d.rates, tt.rated}} {
			n := uint64(0)
			for _, c := range m.d.counts {
				n += c
			}
			if (n == 1) != m.want || n > 1 {
				t.Errorf("%s: the %s counts %d times", tt.name, m.what, n)
			}
		}
	}
	var d distributions
	d.add(&SessionStats{WorkerPID: 1, Outcome: Complete, Duration: 3 * time.Second, FirstSent: time.Second, Bytes: 4 << 20})
	if d.rates.sum != 2<<20 {
		t.Errorf("4 MiB in 2 s after the first packet are %v bytes a second", d.rates.sum)
	}
}
