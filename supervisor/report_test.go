package supervisor

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

func TestReportsBeyondTheQueueAreCountedAndNeverWaitedFor(t *testing.T) {
	t.Parallel()
	r := newReporter(hclog.NewNullLogger())
	entered, leave := make(chan struct{}), make(chan struct{})
	r.post(func() { close(entered); <-leave })
	<-entered
	ran := 0
	for range reportQueue + 10 {
		r.post(func() { ran++ }) // would hang here if it waited: the reader stands still
	}
	if got := r.lost.Load(); got != 10 {
		t.Errorf("%d reports of %d were lost, want 10", got, reportQueue+10)
	}
	close(leave)
	if deliver(r); ran != reportQueue {
		t.Errorf("%d reports were delivered by the end, want %d", ran, reportQueue)
	}
}

func TestReportsComeInTheirOrder(t *testing.T) {
	t.Parallel()
	r := newReporter(hclog.NewNullLogger())
	var got []int
	for i := range 100 {
		r.post(func() { got = append(got, i) })
	}
	deliver(r)
	for i, v := range got {
		if i != v {
			t.Fatalf("report %d came at place %d", v, i)
		}
	}
	if len(got) != 100 {
		t.Errorf("%d reports came, want 100", len(got))
	}
}

func TestAPanickingCallbackIsLoggedAndTheReporterGoesOn(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	r := newReporter(hclog.New(&hclog.LoggerOptions{Output: &log}))
	called := 0
	for range 2 {
		r.session(SessionStats{}, true, 0, func(SessionStats) { called++; panic("in user code") })
	}
	deliver(r)
	if called != 2 {
		t.Errorf("the callback was called %d times, want 2", called)
	}
	for _, want := range []string{"a stats callback panicked", "in user code", "report_test.go"} {
		if strings.Count(log.String(), want) < 2 {
			t.Errorf("the log says %q less than twice:\n%s", want, &log)
		}
	}
}

func TestLinesBelowTheLogsLevelTakeNoRoomInTheQueue(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	r := newReporter(hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Warn}))
	entered, leave := make(chan struct{}), make(chan struct{})
	r.post(func() { close(entered); <-leave })
	<-entered
	r.logf(hclog.Info, "not wanted")
	queued := len(r.queue)
	r.logf(hclog.Warn, "wanted", "key", 1)
	close(leave)
	deliver(r)
	if queued != 0 || strings.Contains(log.String(), "not wanted") || !strings.Contains(log.String(), "wanted: key=1") {
		t.Errorf("%d queued, log:\n%swant only the warning", queued, &log)
	}
}

func TestSessionLogLine(t *testing.T) {
	t.Parallel()
	full := SessionStats{
		Peer: testPeer, MAC: "52:54:00:12:34:56", File: "a\nb", Outcome: Complete, Bytes: 3_000_000, Duration: 2 * time.Second,
		Blksize: 1428, Windowsize: 8, Retransmissions: 4, WorkerPID: 4711,
	}
	level := func(outcome Outcome) SessionStats { return SessionStats{Peer: testPeer, File: "x", Outcome: outcome} }
	for _, tt := range []struct {
		name string
		in   SessionStats
		want map[string]any // of what the line says, these
		not  []string
	}{
		{"a complete session", full, map[string]any{
			"@level": "info", "@message": "session", "peer": "192.0.2.7:2070", "file": `"a\nb"`, "outcome": "complete",
			"bytes": 3e6, "duration": 2.0, "MB/s": 1.5, "blksize": 1428.0, "windowsize": 8.0, "retransmissions": 4.0,
			"worker": 4711.0, "mac": "52:54:00:12:34:56",
		}, []string{"stack", "detail", "error-code"}},
		{
			"a crash with its stack",
			SessionStats{Peer: testPeer, File: "x", Outcome: Crashed, Detail: "worker 1: exit 2", Stack: "panic: x\ny"},
			map[string]any{"@level": "error", "detail": "worker 1: exit 2", "stack": "panic: x\ny", "worker": 0.0, "MB/s": 0.0},
			[]string{"mac"},
		},
		{
			"a client's message is quoted where it must be",
			SessionStats{Peer: testPeer, File: "x", Outcome: PeerError, ErrorCode: 3, Detail: "\x1b[2J"},
			map[string]any{"@level": "info", "error-code": 3.0, "detail": `"\x1b[2J"`},
			nil,
		},
		{"broken contract", level(Violated), map[string]any{"@level": "error", "outcome": "violated"}, nil},
		{"content that failed", level(Aborted), map[string]any{"@level": "warn", "outcome": "aborted"}, nil},
		{"a handler that was too slow", level(OpenTimeout), map[string]any{"@level": "warn", "outcome": "open-timeout"}, nil},
		{"a client that fell silent", level(TimedOut), map[string]any{"@level": "warn", "outcome": "timed-out"}, nil},
		{"nobody served it", level(Unserved), map[string]any{"@level": "warn", "outcome": "unserved"}, nil},
		{"a size probe is no failure", level(Declined), map[string]any{"@level": "info", "outcome": "declined"}, nil},
	} {
		var log bytes.Buffer
		logSession(hclog.New(&hclog.LoggerOptions{Output: &log, JSONFormat: true}), tt.in, 0)
		got := map[string]any{}
		if err := json.Unmarshal(log.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v: %s", tt.name, err, &log)
		}
		said := maps.Clone(got)
		maps.DeleteFunc(said, func(key string, _ any) bool { _, wanted := tt.want[key]; return !wanted })
		if !maps.Equal(said, tt.want) {
			t.Errorf("%s:\n got %v\nwant %v", tt.name, said, tt.want)
		}
		for _, key := range tt.not {
			if v, there := got[key]; there {
				t.Errorf("%s: says %s=%v, want nothing about it", tt.name, key, v)
			}
		}
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bytes uint64
		in    time.Duration
		want  float64
	}{
		{0, time.Second, 0},
		{1_000_000, time.Second, 1},
		{1_234_567, time.Second, 1.235},
		{40_000_000, 100 * time.Millisecond, 400},
		{1, time.Hour, 0},
		{1, 0, 1}, // a session without a length has the shortest one there is
		{0, 0, 0},
	} {
		if got := rate(SessionStats{Bytes: tt.bytes, Duration: tt.in}); got != tt.want {
			t.Errorf("%d bytes in %v: %v MB/s, want %v", tt.bytes, tt.in, got, tt.want)
		}
	}
}

func TestRound(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ v, perUnit, want float64 }{
		{1.23456, 1e3, 1.235}, {1.23456, 1, 1}, {-1.5, 1, -2}, {0, 1e6, 0}, {0.0000004, 1e6, 0},
	} {
		if got := round(tt.v, tt.perUnit); got != tt.want {
			t.Errorf("round(%v, %v) = %v, want %v", tt.v, tt.perUnit, got, tt.want)
		}
	}
}

func TestTheLastStatsAreDeliveredToASlowReader(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{})
	called := 0
	f.OnServerStats = func(ServerStats) { called++ }
	entered, leave := make(chan struct{}), make(chan struct{})
	f.report.post(func() { close(entered); <-leave })
	<-entered
	for range reportQueue {
		f.report.post(func() {})
	}
	done := make(chan struct{})
	go func() { f.flush(); close(done) }()
	close(leave)
	<-done
	f.ended = true
	if called != 1 {
		t.Errorf("OnServerStats was called %d times at the end, want once", called)
	}
}

// A callback that hangs, or a log that nobody reads, would keep a server that
// has ended from ending.
func TestAReaderThatHasStoppedIsGivenUp(t *testing.T) {
	t.Parallel()
	never := make(chan struct{})
	hurried := make(chan struct{}, 1)
	hurried <- struct{}{}
	for _, tt := range []struct {
		name    string
		queued  int
		until   time.Time
		hurried <-chan struct{}
	}{
		{"it takes nothing", 5, time.Now().Add(time.Hour), never},
		{"it takes nothing and the queue is full", reportQueue, time.Now().Add(time.Hour), never},
		{"the time is over", 5, time.Now(), never},
		{"somebody hurries", 5, time.Now().Add(time.Hour), hurried},
	} {
		r := newReporter(hclog.NewNullLogger())
		entered, leave := make(chan struct{}), make(chan struct{})
		r.post(func() { close(entered); <-leave })
		<-entered
		late := 0
		for range tt.queued {
			r.post(func() { late++ })
		}
		all := r.finish(func() { late++ }, tt.until, tt.hurried)
		close(leave)
		<-r.done
		if all || late != 0 || r.lost.Load() == 0 {
			t.Errorf("%s: all delivered: %v, %d of them after it was given up, %d lost", tt.name, all, late, r.lost.Load())
		}
	}
}
