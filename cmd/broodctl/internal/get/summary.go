package get

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"brood/cmd/broodctl/internal/figures"
)

// Summary is what sessions came to. Its names in JSON are documented in the README.
type Summary struct {
	Sessions   int                 `json:"sessions"`
	Complete   int                 `json:"complete"`
	Failures   map[string]*Failing `json:"failures"` // by kind
	Requests   int                 `json:"requests"` // RRQs, repeated ones included
	Bytes      int64               `json:"bytes"`
	Seconds    float64             `json:"seconds"`
	Rate       float64             `json:"bytes_per_second"`
	Blksize    int                 `json:"blksize"` // of the last complete session, as windowsize; 0: there was none
	Windowsize int                 `json:"windowsize"`
	Cramped    int                 `json:"cramped"` // sessions with a window that the socket's buffer may not hold
	Answer     *Quantiles          `json:"first_answer_seconds"`
	Total      *Quantiles          `json:"total_seconds"` // of complete sessions

	answers, totals []time.Duration
}

// Failing is the sessions that failed in one way.
type Failing struct {
	Count   int    `json:"count"`
	Code    int    `json:"exit_code"`
	Example string `json:"example"`
}

// Quantiles of a time, in seconds: of p90 nine in ten were no longer.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func newSummary() *Summary { return &Summary{Failures: map[string]*Failing{}} }

// SummaryOf is that of one session.
func SummaryOf(s *Session) *Summary {
	sum := newSummary()
	sum.Add(s)
	sum.end(s.Total)
	return sum
}

// Add counts a session.
func (sum *Summary) Add(s *Session) {
	sum.Sessions++
	sum.Requests += s.Requests
	sum.Bytes += s.Bytes
	if s.Cramped {
		sum.Cramped++
	}
	if s.TID.IsValid() {
		sum.answers = append(sum.answers, s.Answer)
	}
	if s.Err == nil {
		sum.Complete++
		sum.Blksize, sum.Windowsize = s.Terms.Blksize, s.Terms.Windowsize
		sum.totals = append(sum.totals, s.Total)
		return
	}
	f, ok := sum.Failures[s.Err.Kind]
	if !ok {
		f = &Failing{Code: s.Err.Code, Example: s.Err.Error()}
		sum.Failures[s.Err.Kind] = f
	}
	f.Count++
}

func (sum *Summary) end(took time.Duration) {
	sum.Seconds = took.Seconds()
	sum.Rate = float64(sum.Bytes) / max(took, 1).Seconds()
	sum.Answer, sum.Total = quantiles(sum.answers), quantiles(sum.totals)
}

// quantiles are times that there were, none between two; nil of none.
func quantiles(all []time.Duration) *Quantiles {
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	at := func(percent int) float64 { return all[(len(all)*percent+99)/100-1].Seconds() }
	return &Quantiles{P50: at(50), P90: at(90), P99: at(99), Max: at(100)}
}

// Err says that sessions failed, with the exit code of the failure that was most
// often; nil if none did.
func (sum *Summary) Err() error {
	kinds := sum.kinds()
	if len(kinds) == 0 {
		return nil
	}
	err := fmt.Errorf("%d of %d sessions failed", sum.Sessions-sum.Complete, sum.Sessions)
	return &Failure{"several", sum.Failures[kinds[0]].Code, err}
}

// kinds are those of the failures, the most frequent first.
func (sum *Summary) kinds() []string {
	return slices.SortedFunc(maps.Keys(sum.Failures), func(a, b string) int {
		return cmp.Or(cmp.Compare(sum.Failures[b].Count, sum.Failures[a].Count), cmp.Compare(a, b))
	})
}

// WriteText prints the summary for people.
func (sum *Summary) WriteText(w io.Writer) error {
	took := time.Duration(sum.Seconds * float64(time.Second))
	text := fmt.Sprintf("sessions      %d complete, %d failed\n", sum.Complete, sum.Sessions-sum.Complete)
	for _, kind := range sum.kinds() {
		f := sum.Failures[kind]
		text += fmt.Sprintf("  failed      %d %s, as in: %s\n", f.Count, kind, f.Example)
	}
	text += fmt.Sprintf("requests      %d\n", sum.Requests)
	text += fmt.Sprintf("content       %s in %s, %s\n", figures.Size(sum.Bytes), figures.Span(took), figures.Rate(sum.Bytes, took))
	if sum.Complete > 0 {
		text += fmt.Sprintf("negotiated    blksize %d, windowsize %d\n", sum.Blksize, sum.Windowsize)
	}
	text += sum.Answer.line("first answer") + sum.Total.line("whole session")
	if sum.Cramped > 0 {
		text += fmt.Sprintf("in %d sessions: %s\n", sum.Cramped, cramped(sum.Blksize, sum.Windowsize))
	}
	_, err := io.WriteString(w, text)
	return err
}

func (q *Quantiles) line(name string) string {
	if q == nil {
		return ""
	}
	in := func(s float64) string { return figures.Span(time.Duration(s * float64(time.Second))) }
	return fmt.Sprintf("%-13s half within %s, 90 %% %s, 99 %% %s, all %s\n", name, in(q.P50), in(q.P90), in(q.P99), in(q.Max))
}

// WriteJSON prints the summary for programs, on one line.
func (sum *Summary) WriteJSON(w io.Writer) error { return json.NewEncoder(w).Encode(sum) }
