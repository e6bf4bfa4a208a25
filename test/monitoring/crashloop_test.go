package monitoring

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

var update = flag.Bool("update", false, "record the series of crashloop.test.yml anew")

// A machine whose request crashes its handler asks so often that it crashes, and so
// often that it is refused.
const (
	crashes  = 5
	refusals = 3
)

const crashloop = "crashloop.test.yml"

// crashLoop has a server's handler crash, and returns what its console said before, and
// after each request.
func crashLoop(t *testing.T) (scrapes []scraped) {
	t.Helper()
	socket := harness.SocketPath(t)
	cmd := exec.Command(harness.Self(t))
	cmd.Env = append(os.Environ(), adminEnv+"="+socket)
	s := harness.Start(t, cmd)
	console := startConsole(t, socket)
	for i := range crashes + refusals + 1 {
		if i > 0 {
			client := workertest.Client{Timeout: patience}
			_, err := client.Get(t.Context(), s.Addr, "panic", io.Discard)
			if e := (*protocol.Error)(nil); !errors.As(err, &e) || e.Code != protocol.CodeUndefined {
				t.Fatalf("request %d got %v, want ERROR 0", i, err)
			}
		}
		var now scraped
		if !harness.Eventually(func() bool { // a client is told before all is counted
			now = scrape(t, console)
			return now[crashed] == float64(min(i, crashes)) && now[failing] == float64(max(i-crashes, 0)) && now["brood_sessions"] == 0
		}) {
			t.Fatalf("after %d requests %v sessions have crashed, and %v requests were refused for that", i, now[crashed], now[failing])
		}
		scrapes = append(scrapes, now)
	}
	return scrapes
}

const (
	crashed = `brood_sessions_ended_total{outcome="crashed"}`
	failing = `brood_requests_refused_total{reason="failing"}`
)

// The series that the alerts about a crash loop are tried with are those of a server
// whose handler did crash, a scrape for each request. What is recorded is what a live
// server says now: `go test ./test/monitoring -run CrashLoop -update` records it anew.
func TestACrashLoopIsOneToTheAlerts(t *testing.T) {
	t.Parallel()
	live := crashLoop(t)
	if *update {
		record(t, live)
	}
	series := recorded(t)
	if have, want := slices.Sorted(maps.Keys(series)), slices.Sorted(maps.Keys(live[0])); !slices.Equal(have, want) {
		t.Errorf("recorded are the series\n%s\nand a live server has\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
	for name, values := range series {
		if len(values) != len(live) {
			t.Errorf("%s has %d values, want one before and one after each request: %d", name, len(values), len(live))
			continue
		}
		for i, scrape := range live {
			if counts(name) && values[i] != scrape[name] {
				t.Errorf("after %d requests %s was %v when it was recorded, and is %v", i, name, values[i], scrape[name])
			}
		}
	}
	promtool(t, "test", "rules", crashloop)
}

// counts says whether a series counts requests or sessions, which are as many each
// time; others are of processes and times.
func counts(series string) bool {
	return strings.HasPrefix(series, "brood_requests_") && strings.Contains(series, "_total") ||
		strings.HasPrefix(series, "brood_sessions_") || strings.HasSuffix(series, "_count")
}

// asScraped is what Prometheus adds to a series of that target.
const asScraped = `instance="192.0.2.1:9069",job="brood"`

// between are the lines that are recorded.
var between = regexp.MustCompile(`(?s)(# Recorded from here\.\n).*?( *# Recorded to here\.\n)`)

// record writes the series into the file.
func record(t *testing.T, scrapes []scraped) {
	t.Helper()
	var b strings.Builder
	for _, series := range slices.Sorted(maps.Keys(scrapes[0])) {
		name, labels, _ := strings.Cut(strings.TrimSuffix(series, "}"), "{")
		if labels != "" {
			labels += ","
		}
		var values []string
		for _, s := range scrapes {
			values = append(values, strconv.FormatFloat(s[series], 'f', -1, 64))
		}
		fmt.Fprintf(&b, "      - {series: '%s{%s%s}', values: '%s'}\n", name, labels, asScraped, strings.Join(values, " "))
	}
	text := read(t, crashloop)
	if !between.MatchString(text) {
		t.Fatalf("%s has no place for what is recorded", crashloop)
	}
	text = between.ReplaceAllStringFunc(text, func(found string) string {
		parts := between.FindStringSubmatch(found)
		return parts[1] + b.String() + parts[2]
	})
	if err := os.WriteFile(given+crashloop, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// recorded are the values in the file, by series as a console says them.
func recorded(t *testing.T) map[string][]float64 {
	t.Helper()
	var file struct {
		Tests []struct {
			Series []struct{ Series, Values string } `yaml:"input_series"`
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, crashloop)), &file); err != nil || len(file.Tests) != 1 {
		t.Fatalf("%s has %d tests, want one: %v", crashloop, len(file.Tests), err)
	}
	all := map[string][]float64{}
	for _, s := range file.Tests[0].Series {
		name := strings.NewReplacer("{"+asScraped+"}", "", ","+asScraped, "").Replace(s.Series)
		for value := range strings.FieldsSeq(s.Values) {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatalf("%s: %v", s.Series, err)
			}
			all[name] = append(all[name], v)
		}
	}
	return all
}
