package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"brood/ipc/admin"
)

// source is a server that is known.
type source struct {
	status   admin.Status
	sessions []admin.Session
	err      error
}

func (s *source) Status(context.Context) (*admin.Status, error) { return &s.status, s.err }

func (s *source) Sessions(context.Context) ([]admin.Session, error) { return s.sessions, s.err }

// full is one in which no number is what another is.
func full() *source {
	s := &source{status: admin.Status{
		Program: "brood", Since: time.UnixMilli(1_700_000_000_500), State: "draining", Upgrading: true,
		Generation: 2, Active: 3, MaxSessions: 4, Waiting: 5, Idle: 6, Starting: 7, Clients: 8, Rules: make([]admin.Rule, 9),
		Durations:    admin.Histogram{Bounds: []float64{0.1, 1}, Counts: []uint64{1, 2, 3}, Sum: 40},
		FirstAnswers: admin.Histogram{Bounds: []float64{0.001}, Counts: []uint64{6, 0}, Sum: 0.003},
		Rates:        admin.Histogram{Bounds: []float64{1e6}, Counts: []uint64{0, 2}, Sum: 3e6},
	}}
	counters := reflect.ValueOf(&s.status.Counters).Elem()
	for i := range counters.NumField() {
		counters.Field(i).SetUint(uint64(100 + i))
	}
	s.sessions = []admin.Session{
		{State: "serving", Silence: 9.9},
		{State: "serving", Silence: 10},
		{State: "ending", Silence: 60},
		{State: "waiting", Silence: 60},
	}
	return s
}

var self = Self{Version: "1.1", Readers: func() int { return 10 }, Dropped: func() uint64 { return 11 }}

func scrape(t *testing.T, s Source) string {
	t.Helper()
	server := httptest.NewServer(New(s, self))
	defer server.Close()
	r, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v: %s", r.Status, err, b)
	}
	return string(b)
}

// values are the lines of a scrape that are no comments.
func values(text string) (all []string) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			all = append(all, strings.TrimSpace(line))
		}
	}
	slices.Sort(all)
	return all
}

func TestAScrapeSaysWhatTheServerSays(t *testing.T) {
	t.Parallel()
	want := strings.Fields(`
brood_up~1 brood_build_info{program="brood"}~1 brood_start_time_seconds~1.7000000005e+09
brood_state{state="opening"}~0 brood_state{state="serving"}~0 brood_state{state="draining"}~1 brood_state{state="ending"}~0
brood_config_generation~2 brood_reload_failed~0 brood_reloading~0 brood_upgrading~1
brood_requests_total~100 brood_requests_duplicate_total~110 brood_requests_ignored_total~111
brood_requests_refused_total{reason="malformed"}~112 brood_requests_refused_total{reason="write"}~113
brood_requests_refused_total{reason="denied"}~114 brood_requests_refused_total{reason="too-often"}~115
brood_requests_refused_total{reason="penalised"}~116 brood_requests_refused_total{reason="failing"}~117
brood_requests_refused_total{reason="queue-full"}~118 brood_requests_refused_total{reason="crowded"}~119
brood_requests_refused_total{reason="stale"}~120 brood_requests_refused_total{reason="unreachable"}~121
brood_requests_refused_total{reason="draining"}~122
brood_sessions_started_total~101
brood_sessions_ended_total{outcome="completed"}~102 brood_sessions_ended_total{outcome="declined"}~103
brood_sessions_ended_total{outcome="missing"}~104 brood_sessions_ended_total{outcome="failed"}~105 brood_sessions_ended_total{outcome="timed-out"}~106
brood_sessions_ended_total{outcome="crashed"}~107 brood_sessions_ended_total{outcome="ended"}~108
brood_sessions_ended_total{outcome="expired"}~109
brood_content_bytes_total~123 brood_packets_total~124 brood_retransmissions_total~125
brood_workers_started_total~126 brood_worker_failures_total~127 brood_kernel_drops_total~128
brood_reports_lost_total~129 brood_admin_clients_lost_total~130
brood_sessions~3 brood_sessions_max~4 brood_sessions_silent~2 brood_requests_waiting~5
brood_workers_idle~6 brood_workers_starting~7 brood_admin_clients~8 brood_rules~9
brood_session_duration_seconds_bucket{le="0.1"}~1 brood_session_duration_seconds_bucket{le="1"}~3
brood_session_duration_seconds_bucket{le="+Inf"}~6 brood_session_duration_seconds_sum~40 brood_session_duration_seconds_count~6
brood_first_answer_seconds_bucket{le="0.001"}~6 brood_first_answer_seconds_bucket{le="+Inf"}~6
brood_first_answer_seconds_sum~0.003 brood_first_answer_seconds_count~6
brood_session_rate_bytes_per_second_bucket{le="1e+06"}~0 brood_session_rate_bytes_per_second_bucket{le="+Inf"}~2
brood_session_rate_bytes_per_second_sum~3e+06 brood_session_rate_bytes_per_second_count~2
brood_console_build_info{version="1.1"}~1 brood_console_readers~10 brood_console_readers_dropped_total~11
`)
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "~", " ")
	}
	slices.Sort(want)
	got := values(scrape(t, full()))
	if !slices.Equal(got, want) {
		for _, line := range want {
			if !slices.Contains(got, line) {
				t.Errorf("it lacks     %s", line)
			}
		}
		for _, line := range got {
			if !slices.Contains(want, line) {
				t.Errorf("it also has  %s", line)
			}
		}
	}
}

func TestPromlintFindsNothing(t *testing.T) {
	t.Parallel()
	problems, err := promlint.New(strings.NewReader(scrape(t, full()))).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %+v", err, problems)
	}
}

func TestOfAServerThatCantBeAskedNothingIsSaid(t *testing.T) {
	t.Parallel()
	s := full()
	s.err = errors.New("nobody there")
	want := []string{`brood_console_build_info{version="1.1"} 1`, "brood_console_readers 10", "brood_console_readers_dropped_total 11", "brood_up 0"}
	if got := values(scrape(t, s)); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestAHistogramThatIsNoneIsLeftOut(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]admin.Histogram{
		"an older server's": {},
		"one count short":   {Bounds: []float64{1, 2}, Counts: []uint64{1, 2}},
	} {
		s := full()
		s.status.Durations = h
		if text := scrape(t, s); strings.Contains(text, "brood_session_duration_seconds") || !strings.Contains(text, "brood_first_answer_seconds") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestANameThatIsNoTextIsNoReasonToFail(t *testing.T) {
	t.Parallel()
	s := full()
	s.status.Program = "\xff\"\n"
	if text := scrape(t, s); !strings.Contains(text, `brood_build_info{program="?\"\n"} 1`) {
		t.Error(text)
	}
}

// The page has each series with its type, as a scrape has it.
func TestThePageHasTheMetrics(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var inPage, inScrape []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(brood_[a-z_]+)(?:\\{[^`]*)?` \\| ([a-z]+) \\| .* \\|$").FindAllStringSubmatch(string(page), -1) {
		inPage = append(inPage, m[1]+" "+m[2])
	}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (.*)$`).FindAllStringSubmatch(scrape(t, full()), -1) {
		inScrape = append(inScrape, m[1])
	}
	slices.Sort(inPage)
	slices.Sort(inScrape)
	if !slices.Equal(inPage, inScrape) {
		t.Errorf("the page has    %q\na scrape has    %q", inPage, inScrape)
	}
}

func Example() {
	server := httptest.NewServer(New(full(), self))
	defer server.Close()
	r, err := http.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	_, rest, _ := strings.Cut(string(b), "# HELP brood_sessions Sessions")
	text, _, _ := strings.Cut(rest, "# HELP")
	fmt.Println(strings.TrimSpace(text))
	// Output:
	// that run.
	// # TYPE brood_sessions gauge
	// brood_sessions 3
}
