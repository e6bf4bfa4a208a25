package monitoring

import (
	"encoding/json"
	"strings"
	"testing"
)

// dashboard is what of a Grafana dashboard is looked at here.
type dashboard struct {
	UID, Title    string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type string }
	}
	Annotations struct {
		List []struct{ Expr string }
	}
	Panels []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Datasource               datasource
	FieldConfig              struct {
		Defaults struct{ Unit string }
	}
	Options struct {
		YAxis struct{ Unit string }
	}
	Targets []struct {
		RefID, Expr string
		Datasource  datasource
	}
}

type datasource struct{ Type, UID string }

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, "dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// exprs are all expressions, and whose they are.
func (d *dashboard) exprs() map[string]string {
	all := map[string]string{}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all[target.Expr] = p.Title
		}
	}
	for _, a := range d.Annotations.List {
		if a.Expr != "" {
			all[a.Expr] = "an annotation"
		}
	}
	return all
}

func TestTheDashboardIsOne(t *testing.T) {
	t.Parallel()
	d := readDashboard(t)
	if d.UID == "" || d.Title == "" || d.SchemaVersion < 41 { // of Grafana 12
		t.Errorf("uid %q, title %q, schemaVersion %d", d.UID, d.Title, d.SchemaVersion)
	}
	variables := map[string]string{}
	for _, v := range d.Templating.List {
		variables[v.Name] = v.Type
	}
	if variables["datasource"] != "datasource" || variables["instance"] != "query" {
		t.Errorf("its variables are %v", variables)
	}
	ids, titles := map[int]bool{}, map[string]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || titles[p.Title] || p.ID == 0 || p.Title == "" {
			t.Errorf("panel %d %q: another has this number or title, or it has none", p.ID, p.Title)
		}
		ids[p.ID], titles[p.Title] = true, true
		if p.Type != "row" {
			p.check(t)
		}
	}
	for expr, whose := range d.exprs() {
		if selectors, filtered := len(metricIn.FindAllString(expr, -1)), strings.Count(expr, `instance=~"$instance"`); selectors != filtered && whose != "Alerts" {
			t.Errorf("%s: %d of %d metrics are those of the servers that were chosen: %s", whose, filtered, selectors, expr)
		}
	}
}

// source is the one that is chosen at the top of the page.
var source = datasource{"prometheus", "${datasource}"}

func (p *panel) check(t *testing.T) {
	t.Helper()
	if p.Description == "" || p.Datasource != source || len(p.Targets) == 0 {
		t.Errorf("%s: description %q, data source %v, %d queries", p.Title, p.Description, p.Datasource, len(p.Targets))
	}
	if p.FieldConfig.Defaults.Unit == "" || p.Type == "heatmap" && p.Options.YAxis.Unit == "" {
		t.Errorf("%s has no unit", p.Title)
	}
	refs := map[string]bool{}
	for _, target := range p.Targets {
		if refs[target.RefID] || target.RefID == "" || target.Datasource != source || target.Expr == "" {
			t.Errorf("%s: one of its queries is %+v", p.Title, target)
		}
		refs[target.RefID] = true
	}
}

func TestThePanelsLieSideBySide(t *testing.T) {
	t.Parallel()
	const columns = 24
	taken := map[[2]int]string{}
	for _, p := range readDashboard(t).Panels {
		g := p.GridPos
		if g.X < 0 || g.Y < 0 || g.W < 1 || g.H < 1 || g.X+g.W > columns {
			t.Errorf("%s lies beyond the edge: %+v", p.Title, g)
			continue
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, is := taken[[2]int{x, y}]; is {
					t.Fatalf("%s lies on %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}
