package get

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"brood/protocol"
	"brood/worker/client"
)

// sessionsOf are n complete ones that took 1 to n ms, and failed ones of two kinds.
func sessionsOf(n int) *Summary {
	sum := newSummary()
	for i := range n {
		took := time.Duration(i+1) * time.Millisecond
		sum.Add(&Session{Total: took, Result: client.Result{
			Requests: 1, Bytes: 1000, Answer: took / 10, TID: netip.MustParseAddrPort("127.0.0.1:9"),
			Terms: protocol.Terms{Blksize: 1428, Windowsize: 4},
		}})
	}
	for range 3 {
		sum.Add(&Session{Result: client.Result{Requests: 6}, Err: &Failure{"no answer", ExitNoAnswer, errors.New("f: nobody answers")}})
	}
	sum.Add(&Session{Result: client.Result{Requests: 1}, Err: &Failure{"ERROR 1", ExitServer, errors.New("f: not there")}})
	sum.end(2 * time.Second)
	return sum
}

func TestASummaryForPeople(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := sessionsOf(100).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `sessions      100 complete, 4 failed
  failed      3 no answer, as in: f: nobody answers
  failed      1 ERROR 1, as in: f: not there
requests      119
content       100.0 kB in 2.00 s, 50.0 kB/s
negotiated    blksize 1428, windowsize 4
first answer  half within 5.00 ms, 90 % 9.00 ms, 99 % 9.90 ms, all 10 ms
whole session half within 50 ms, 90 % 90 ms, 99 % 99 ms, all 100 ms
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &b, want)
	}
}

func TestASummaryForPrograms(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := sessionsOf(100).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Sessions, Complete, Requests, Bytes int
		Seconds                             float64
		Rate                                float64 `json:"bytes_per_second"`
		Failures                            map[string]struct{ Count int }
		Answer                              Quantiles `json:"first_answer_seconds"`
		Total                               Quantiles `json:"total_seconds"`
	}
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got.Sessions != 104 || got.Complete != 100 || got.Requests != 119 || got.Bytes != 100_000 || got.Seconds != 2 || got.Rate != 50_000 ||
		got.Failures["no answer"].Count != 3 || got.Answer.P50 != 0.005 || got.Total != (Quantiles{0.05, 0.09, 0.099, 0.1}) {
		t.Errorf("%+v from %s", got, &b)
	}
}

func TestTheFailureThatCameMostOftenIsTheExitCode(t *testing.T) {
	t.Parallel()
	var f *Failure
	if err := sessionsOf(1).Err(); !errors.As(err, &f) || f.Code != ExitNoAnswer || f.Error() != "4 of 5 sessions failed" {
		t.Errorf("%v", err)
	}
	sum := newSummary()
	sum.Add(&Session{})
	if err := sum.Err(); err != nil {
		t.Errorf("none failed, and %v", err)
	}
}
