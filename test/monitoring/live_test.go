package monitoring

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

// configuration is the README's, with what is of this machine in it.
func configuration(t *testing.T, target string) string {
	t.Helper()
	_, rest, _ := strings.Cut(read(t, "README.md"), "```yaml\n")
	text, _, ok := strings.Cut(rest, "```")
	alerts, err := filepath.Abs(given + "alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	for was, is := range map[string]string{"192.0.2.1:9069": target, "/etc/prometheus/brood/alerts.yml": alerts, "15s": "250ms"} {
		if !ok || !strings.Contains(text, was) {
			t.Fatalf("the README has no configuration with %s", was)
		}
		text = strings.ReplaceAll(text, was, is)
	}
	return text
}

// From a server that boots machines to what its operators see.
func TestDebiansPrometheusScrapesTheConsole(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	content := tree.File("f", 100_000) // enough for a session to have a rate
	socket := harness.SocketPath(t)
	s := harness.Serve(t, "--root", tree.Dir, "--admin", socket)
	console := startConsole(t, socket)
	p := startPrometheus(t, configuration(t, console))
	p.becomes("up", 1)
	p.becomes("brood_up", 1)
	p.becomes("brood_sessions_started_total", 0) // or what comes is no increase

	const sessions, none = 7, 2
	client := workertest.Client{Timeout: patience, Options: []protocol.Option{{Name: "blksize", Value: "1428"}}}
	for range sessions {
		if _, err := client.Get(t.Context(), s.Addr, "f", io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	for range none {
		if _, err := client.Get(t.Context(), s.Addr, "none", io.Discard); err == nil {
			t.Error("a file that is not there came")
		}
	}
	p.becomes("brood_sessions_started_total", sessions+none)
	p.becomes(`brood_sessions_ended_total{outcome="completed"}`, sessions)
	p.becomes(`brood_sessions_ended_total{outcome="missing"}`, none)
	p.becomes("brood_content_bytes_total", sessions*float64(len(content)))
	p.becomes("brood_session_rate_bytes_per_second_count", sessions)
	p.becomes(`brood_state{state="serving"}`, 1)

	checkNames(t, scrape(t, console))
	p.hasRules()
	p.fills(readDashboard(t))
	p.becomes("count(ALERTS) or vector(0)", 0)
	if code := s.Stop(); code != 0 {
		t.Errorf("the server ended with code %d", code)
	}
	p.becomes(`ALERTS{alertname="BroodDown",alertstate="pending"}`, 1)
	p.becomes("count(ALERTS)", 1)
}

// hasRules waits until Prometheus has evaluated all rules, and nothing is wrong with any.
func (p *prometheus) hasRules() {
	p.t.Helper()
	type evaluated struct{ Name, Health, LastError string }
	var bad []evaluated
	if n := len(rules(p.t)); !harness.Eventually(func() bool {
		var data struct {
			Groups []struct{ Rules []evaluated }
		}
		if err := p.get("rules", &data); err != nil {
			p.t.Fatal(err)
		}
		bad = nil
		count := 0
		for _, group := range data.Groups {
			for _, r := range group.Rules {
				count++
				if r.Health != "ok" {
					bad = append(bad, r)
				}
			}
		}
		return count == n && len(bad) == 0
	}) {
		p.t.Errorf("rules are missing, or not well: %+v", bad)
	}
}

// fills wants data for each query of a dashboard; but for alerts: none is there.
func (p *prometheus) fills(d dashboard) {
	p.t.Helper()
	chosen := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*")
	for expr, whose := range d.exprs() {
		var values []float64
		var err error
		if !harness.Eventually(func() bool {
			values, err = p.query(chosen.Replace(expr))
			return err != nil || len(values) > 0 || whose == "Alerts"
		}) || err != nil {
			p.t.Errorf("%s: %s has %d values, %v", whose, expr, len(values), err)
		}
	}
}
