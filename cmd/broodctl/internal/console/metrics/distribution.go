package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"brood/ipc/admin"
)

// distribution is one histogram of the server's.
type distribution struct {
	desc *prometheus.Desc
	of   func(*admin.Status) *admin.Histogram
}

func distributions() []distribution {
	return []distribution{
		{
			describe("session_duration_seconds", "Seconds from a session's request to its end, of sessions that a worker had."),
			func(s *admin.Status) *admin.Histogram { return &s.Durations },
		},
		{
			describe("first_answer_seconds", "Seconds from a session's request to the first packet of the answer, of ended sessions that had one."),
			func(s *admin.Status) *admin.Histogram { return &s.FirstAnswers },
		},
		{
			describe("session_rate_bytes_per_second", "Bytes of content a second, from the first packet of the answer on, of complete sessions of 64 KiB and more."),
			func(s *admin.Status) *admin.Histogram { return &s.Rates },
		},
	}
}

// metric is the histogram as Prometheus counts it, each bound with all below it. A
// server that has none, or says what is none, gives nil.
func (d distribution) metric(s *admin.Status) prometheus.Metric {
	h := d.of(s)
	if len(h.Bounds) == 0 || len(h.Counts) != len(h.Bounds)+1 {
		return nil
	}
	below, buckets := uint64(0), make(map[float64]uint64, len(h.Bounds))
	for i, bound := range h.Bounds {
		below += h.Counts[i]
		buckets[bound] = below
	}
	m, err := prometheus.NewConstHistogram(d.desc, below+h.Counts[len(h.Bounds)], h.Sum, buckets)
	if err != nil {
		return nil
	}
	return m
}
