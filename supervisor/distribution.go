package supervisor

import (
	"slices"

	"brood/ipc/admin"
)

// distribution counts measurements by their size.
type distribution struct {
	counts []uint64 // of each bound what is not in the one before; and what is above all
	sum    float64
}

// add counts one; bounds are inclusive, rising, and always the same.
func (d *distribution) add(bounds []float64, v float64) {
	if d.counts == nil {
		d.counts = make([]uint64, len(bounds)+1)
	}
	i, _ := slices.BinarySearch(bounds, v)
	d.counts[i]++
	d.sum += v
}

// tell is a copy of what there is.
func (d *distribution) tell(bounds []float64) admin.Histogram {
	counts := make([]uint64, len(bounds)+1)
	copy(counts, d.counts)
	return admin.Histogram{Bounds: bounds, Counts: counts, Sum: d.sum}
}

// rateFrom is the content in bytes from which on a session's rate says something of the
// line: of less it says how long one round trip takes.
const rateFrom = 64 << 10

// distributions are of the sessions that a worker had and that have ended.
type distributions struct {
	durations    distribution // seconds
	firstAnswers distribution // seconds
	rates        distribution // bytes a second
}

var (
	durationBounds    = []float64{.001, .005, .01, .05, .1, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600}
	firstAnswerBounds = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	rateBounds        = []float64{1e4, 1e5, 1e6, 2.5e6, 5e6, 1e7, 2.5e7, 5e7, 1e8, 2.5e8, 5e8, 1e9}
)

func (d *distributions) add(r *SessionStats) {
	if r.WorkerPID == 0 {
		return
	}
	d.durations.add(durationBounds, r.Duration.Seconds())
	if r.FirstSent > 0 {
		d.firstAnswers.add(firstAnswerBounds, r.FirstSent.Seconds())
	}
	if sending := r.Duration - r.FirstSent; r.Outcome == Complete && r.Bytes >= rateFrom && sending > 0 {
		d.rates.add(rateBounds, float64(r.Bytes)/sending.Seconds())
	}
}
