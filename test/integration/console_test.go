package integration

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"brood/test/harness"
)

// console is broodctl console beside a server.
type console struct {
	*harness.Program
	t    *testing.T
	base string // of URLs
}

// console starts one.
func (o *operator) console(flags ...string) *console {
	o.t.Helper()
	c := &console{Program: harness.RunProgram(o.t, o.command(append([]string{"console", "--listen", "127.0.0.1:0"}, flags...)...)), t: o.t}
	c.Wait("\n", time.Minute)
	address := regexp.MustCompile(`^console listens address=(\S+)\n`).FindStringSubmatch(c.Output())
	if address == nil {
		o.t.Fatalf("the console says %q", c.Output())
	}
	c.base = "http://" + address[1]
	return c
}

// ask sends a request, with headers as "Name: value".
func (c *console) ask(method, path, body string, headers ...string) (code int, answer string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	if err != nil {
		c.t.Errorf("%s %s: %v", method, path, err)
	}
	return got.StatusCode, string(b)
}

// get wants 200.
func (c *console) get(path string) string {
	c.t.Helper()
	code, body := c.ask(http.MethodGet, path, "")
	if code != http.StatusOK {
		c.t.Errorf("%s: %d\n%s", path, code, body)
	}
	return body
}

// metrics are the values of a scrape, by name and labels.
func (c *console) metrics() map[string]float64 {
	c.t.Helper()
	all := map[string]float64{}
	for line := range strings.Lines(c.get("/metrics")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if !strings.Contains(line, "}") {
			name, value, _ = strings.Cut(strings.TrimSpace(line), " ")
		} else {
			name += "}"
		}
		if !strings.HasPrefix(line, "#") {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				c.t.Errorf("%q: %v", line, err)
			}
			all[name] = n
		}
	}
	return all
}

// What a console counts of a fleet is what the fleet did.
func TestMetricsOfAFleet(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	content := tree.File("f", 100_000)
	s, o := serveOperated(t, "--root", tree.Dir)
	c := o.console()
	before := c.metrics()
	if before["brood_up"] != 1 || before["brood_sessions_started_total"] != 0 {
		t.Errorf("before anything was asked: %v", before)
	}
	const clients = 60
	fleet(t, s, "f", content, clients, 10)
	stranger := harness.NewPeer(t, "127.0.0.1")
	stranger.Send(s.Addr, harness.RRQ("none"))
	stranger.Error(1)
	o.settled()
	var m map[string]float64
	if !harness.Eventually(func() bool { m = c.metrics(); return m["brood_session_duration_seconds_count"] == clients+1 }) {
		t.Errorf("%v sessions have a duration, want %d", m["brood_session_duration_seconds_count"], clients+1)
	}
	for name, want := range map[string]float64{
		"brood_sessions_started_total":                          clients + 1,
		`brood_sessions_ended_total{outcome="completed"}`:       clients,
		`brood_sessions_ended_total{outcome="failed"}`:          1,
		"brood_content_bytes_total":                             clients * float64(len(content)),
		"brood_session_rate_bytes_per_second_count":             clients,
		"brood_first_answer_seconds_count":                      clients + 1,
		`brood_state{state="serving"}`:                          1,
		"brood_sessions":                                        0,
		`brood_session_rate_bytes_per_second_bucket{le="+Inf"}`: clients,
		"brood_up": 1,
	} {
		if m[name] != want {
			t.Errorf("%s is %v, want %v", name, m[name], want)
		}
	}
	if problems, err := promlint.New(strings.NewReader(c.get("/metrics"))).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", err, problems)
	}
	s.Kill()
	if !harness.Eventually(func() bool { m = c.metrics(); return m["brood_up"] == 0 }) || len(m) != 4 {
		t.Errorf("of a server that was killed: %v", m)
	}
	harness.Serve(t, "--root", tree.Dir, "--admin", o.path)
	if !harness.Eventually(func() bool { m = c.metrics(); return m["brood_up"] == 1 }) || m["brood_sessions_started_total"] != 0 {
		t.Errorf("of one that was started again: %v", m)
	}
	if line := fmt.Sprintf("address=%s\n", strings.TrimPrefix(c.base, "http://")); !strings.HasSuffix(c.Output(), line) {
		t.Errorf("all that the console says: %s", c.Output())
	}
}
