package main

import (
	"slices"
	"strings"
	"testing"
)

func testTable() (*table, *row) {
	tc := &testCase{name: "bulk", metrics: []metric{
		{name: rate, goals: []goal{least("brood", bestPeer, 2), aim("brood", bestPeer, 4)}},
		{name: cpuPerGB, lower: true, goals: []goal{least("brood", "a", 0.5), least("brood", "c", 1)}},
		{name: lost, lower: true, goals: []goal{least("brood", "", 0)}},
		aside(retries),
	}}
	r := &row{testCase: tc, absent: map[string]string{"b": "grants 512×1"}, samples: map[string][]sample{
		"brood": {{rate: 30, cpuPerGB: 8, lost: 0, retries: 0}, {rate: 10, cpuPerGB: 6, lost: 0}, {rate: 20, cpuPerGB: 4, lost: 0}},
		"a":     {{rate: 9, cpuPerGB: 10, retries: 0}},
		"b":     {},
		"d":     {{rate: 5, cpuPerGB: 3}},
		"ideal": {{rate: 1000}},
	}}
	kinds := []kind{
		{name: "brood", ours: true},
		{name: "a"},
		{name: "b"},
		{name: "d"},
		{name: "ideal", ideal: true},
	}
	return &table{kinds: kinds, rows: []*row{r}}, r
}

func TestVerdictsCompareMedians(t *testing.T) {
	t.Parallel()
	tab, r := testTable()
	for i, want := range [][]string{
		{"least: ≥ 2 × a: 2.22 met", "goal: ≥ 4 × a: 2.22 **not met**"},
		{"least: ≤ 0.5 × a: 0.6 **not met**", "least: ≤ 1 × c: not measured"},
		{"least: ≤ 0: 0 met"},
	} {
		if got := tab.verdicts(r, r.metrics[i]); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", r.metrics[i].name, got, want)
		}
	}
}

func TestTableShowsMedianSpreadAndWhoTookNoPart(t *testing.T) {
	t.Parallel()
	tab, r := testTable()
	tab.rows = append(tab.rows, &row{testCase: &testCase{name: "other"}, samples: map[string][]sample{"b": {{}}}})
	var out strings.Builder
	tab.markdown(&out)
	for _, want := range []string{"| 20.0 (10.0–30.0) | 9 | grants 512×1 | 5 | 1000 | 2.22 × a |"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), retries) {
		t.Errorf("a figure aside that is 0 for all is shown:\n%s", out.String())
	}
	if m, _ := r.median("brood", cpuPerGB); m != 6 {
		t.Errorf("median of 8, 6, 4 is %v", m)
	}
}

// The bound that the project's page gives: 0.73 for a window of 64 at 1 %.
func TestGoBackBound(t *testing.T) {
	t.Parallel()
	if got := short(goBack(64, onePercent)); got != "0.73" {
		t.Errorf("window 64: %s", got)
	}
	if got := short(goBack(1, onePercent)); got != "0.99" {
		t.Errorf("window 1: %s", got)
	}
}
