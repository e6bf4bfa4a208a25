package monitoring

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// metricIn is a metric in an expression, and its matchers.
var metricIn = regexp.MustCompile(`\b(brood_\w+)(?:\{([^}]*)\})?`)

// matcher is one of them.
var matcher = regexp.MustCompile(`(\w+)=~?"([^"]*)"`)

// unshown are metrics of the console that no panel has, and why.
var unshown = map[string]string{}

// What is asked for is there: each metric that an alert or a panel names, with each
// value of a label that it names. And what is there is shown.
func checkNames(t *testing.T, now scraped) {
	t.Helper()
	exprs := map[string]string{}
	shown := map[string]bool{}
	d := readDashboard(t)
	for expr, whose := range d.exprs() {
		exprs[expr] = whose
		for _, found := range metricIn.FindAllStringSubmatch(expr, -1) {
			shown[whole(found[1])] = true
		}
	}
	for _, r := range rules(t) {
		exprs[r.Expr] = r.Alert
	}
	for expr, whose := range exprs {
		for _, found := range metricIn.FindAllStringSubmatch(expr, -1) {
			now.check(t, whose, found[1], found[2])
		}
	}
	for name := range now.names() {
		if why := unshown[name]; shown[name] == (why != "") {
			t.Errorf("%s: on the dashboard: %v; why not: %q", name, shown[name], why)
		}
	}
}

// added are the labels that Prometheus adds.
var added = []string{"instance", "job"}

// check wants a metric with the labels of a selector.
func (s scraped) check(t *testing.T, whose, metric, selector string) {
	t.Helper()
	if !s.has(metric, "") {
		t.Errorf("%s is about %s, which the console does not have", whose, metric)
	}
	for _, m := range matcher.FindAllStringSubmatch(selector, -1) {
		if slices.Contains(added, m[1]) {
			continue
		}
		for value := range strings.SplitSeq(m[2], "|") {
			if label := m[1] + `="` + value + `"`; !s.has(metric, label) {
				t.Errorf("%s is about %s{%s}, which the console does not have", whose, metric, label)
			}
		}
	}
}

// has says whether there is a series of this metric with this label.
func (s scraped) has(metric, label string) bool {
	for series := range s {
		name, labels, _ := strings.Cut(series, "{")
		if name == metric && strings.Contains(labels, label) {
			return true
		}
	}
	return false
}
