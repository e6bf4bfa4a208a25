package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// metric is one figure that a case gives.
type metric struct {
	name  string // with its unit
	lower bool   // is better
	goals []goal
	aside bool // explains others; is left out where it is 0 for all
}

func (m metric) better(a, b float64) bool { return a < b == m.lower && a != b }

// sample is what one round of one case gave for one server, by metric.
type sample map[string]float64

// row is a case with all that was measured.
type row struct {
	*testCase
	samples map[string][]sample // by server
	absent  map[string]string   // servers that took no part, and why
}

// values returns the rounds' figures, sorted.
func (r *row) values(server, metric string) []float64 {
	var all []float64
	for _, s := range r.samples[server] {
		if v, ok := s[metric]; ok {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return all
}

func median(sorted []float64) (float64, bool) {
	n := len(sorted)
	if n == 0 {
		return 0, false
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2, true
}

func (r *row) median(server, metric string) (float64, bool) {
	return median(r.values(server, metric))
}

func (r *row) cell(server, metric string) string {
	all := r.values(server, metric)
	mid, ok := median(all)
	switch {
	case !ok && r.absent[server] != "":
		return r.absent[server]
	case !ok:
		return "–"
	case mid == 0 && all[0] == all[len(all)-1]:
		return "0"
	case len(all) == 1 || all[0] == all[len(all)-1]:
		return short(mid)
	}
	return fmt.Sprintf("%s (%s–%s)", short(mid), short(all[0]), short(all[len(all)-1]))
}

// table is a whole run.
type table struct {
	kinds []kind
	rows  []*row
}

func (t *table) row(name string) *row {
	for _, r := range t.rows {
		if r.name == name {
			return r
		}
	}
	return nil
}

// servers are the columns: names, each once, in the order of kinds.
func (t *table) servers() []string {
	var names []string
	for _, k := range t.kinds {
		took := slices.ContainsFunc(t.rows, func(r *row) bool { return len(r.samples[k.name]) > 0 })
		if took && !slices.Contains(names, k.name) {
			names = append(names, k.name)
		}
	}
	return names
}

// ratio is brood's figure over that of the best peer, with the peer's name.
func (t *table) ratio(r *row, m metric) string {
	if m.aside {
		return ""
	}
	own, ok := r.median("brood", m.name)
	best, name, has := goal{than: bestPeer}.reference(t, r, m)
	if !ok || !has || best == 0 {
		return "–"
	}
	return fmt.Sprintf("%s × %s", short(own/best), name)
}

func (t *table) verdicts(r *row, m metric) []string {
	var all []string
	for _, g := range m.goals {
		if v := g.verdict(t, r, m); v != "" {
			all = append(all, v)
		}
	}
	return all
}

func (t *table) lines() [][]string {
	servers := t.servers()
	lines := [][]string{append(append([]string{"case", "figure"}, servers...), "brood / best peer", "at least, goal")}
	for _, r := range t.rows {
		for _, m := range r.metrics {
			if m.aside && !slices.ContainsFunc(servers, func(s string) bool {
				v, ok := r.median(s, m.name)
				return ok && v != 0
			}) {
				continue
			}
			line := []string{r.name, m.name + cond(m.lower && !m.aside, " ↓", "")}
			for _, s := range servers {
				line = append(line, r.cell(s, m.name))
			}
			lines = append(lines, append(line, t.ratio(r, m), strings.Join(t.verdicts(r, m), "; ")))
		}
	}
	return lines
}

// text writes the table for a terminal.
func (t *table) text(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range t.lines() {
		fmt.Fprintln(tw, strings.ReplaceAll(strings.Join(line, "\t"), "**", ""))
	}
	return tw.Flush()
}

// markdown writes it for the README.
func (t *table) markdown(w io.Writer) {
	for i, line := range t.lines() {
		fmt.Fprintln(w, "| "+strings.Join(line, " | ")+" |")
		if i == 0 {
			fmt.Fprintln(w, strings.Repeat("|---", len(line))+"|")
		}
	}
}
