package main

import (
	"fmt"
	"math"
	"strings"
)

// goal is one promise of the project about a figure: who (a way to run brood)
// must reach factor × what another server has, or factor itself.
type goal struct {
	who string
	// than: a server's name, "best peer", "" for an absolute figure, or "case X":
	// the same server's figure of that name in case X.
	than   string
	factor float64
	aim    bool // where we want to be; otherwise the least that must be shown
}

const bestPeer = "best peer"

// least and aim are the two columns of the project's table.
func least(who, than string, factor float64) goal { return goal{who, than, factor, false} }
func aim(who, than string, factor float64) goal   { return goal{who, than, factor, true} }

// reference returns the figure that the goal compares with.
func (g goal) reference(t *table, r *row, m metric) (v float64, name string, ok bool) {
	if from, ok := strings.CutPrefix(g.than, "case "); ok {
		other := t.row(from)
		if other == nil {
			return 0, "", false
		}
		v, ok := other.median(g.who, m.name)
		return v, from, ok
	}
	switch g.than {
	case "":
		return 1, "", true
	case bestPeer:
		for _, k := range t.kinds {
			if k.ours || k.ideal {
				continue
			}
			x, has := r.median(k.name, m.name)
			if has && (!ok || m.better(x, v)) {
				v, name, ok = x, k.name, true
			}
		}
		return v, name, ok
	default:
		v, ok := r.median(g.than, m.name)
		return v, g.than, ok
	}
}

// verdict is the goal in words, with what was reached.
func (g goal) verdict(t *table, r *row, m metric) string {
	own, ok := r.median(g.who, m.name)
	if !ok {
		return ""
	}
	ref, name, ok := g.reference(t, r, m)
	sign, symbol := "≥", ""
	if m.lower {
		sign = "≤"
	}
	what := "least"
	if g.aim {
		what = "goal"
	}
	if name != "" {
		symbol = " × " + name
	} else if g.than != "" {
		symbol = " × " + g.than
	}
	text := fmt.Sprintf("%s: %s %s%s", what, sign, short(g.factor), symbol)
	if g.who != "brood" {
		text = g.who + " " + text
	}
	if !ok {
		return text + ": not measured"
	}
	if ref == 0 && own == 0 {
		return text + ": met (both 0)"
	}
	ratio := own / ref
	met := ratio >= g.factor
	if m.lower {
		met = ratio <= g.factor
	}
	if math.IsNaN(ratio) {
		met = false
	}
	return text + ": " + short(ratio) + " " + cond(met, "met", "**not met**")
}

// short writes a figure with three digits or so.
func short(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 0.1:
		return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".")
	default:
		return fmt.Sprintf("%.2g", v)
	}
}

func cond[T any](yes bool, a, b T) T {
	if yes {
		return a
	}
	return b
}
