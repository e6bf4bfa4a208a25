package monitoring

import (
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// rule is an alerting rule.
type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// rules are those of alerts.yml.
func rules(t *testing.T) (all []rule) {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "alerts.yml")), &file); err != nil {
		t.Fatal(err)
	}
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("alerts.yml has no rules")
	}
	return all
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command(find(t, "promtool"), args...)
	cmd.Dir = given
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestAlertsComeWhenTheyShouldAndNotOtherwise(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", "alerts.yml")
	promtool(t, "test", "rules", "alerts.test.yml")
	tests := read(t, "alerts.test.yml") // which go test would else not know to matter
	for _, r := range rules(t) {
		if !strings.Contains(tests, `{labels: '{alertname="`+r.Alert+`"}', value: `) && !strings.Contains(tests, `ALERTS{alertname="`+r.Alert+`"`) {
			t.Errorf("%s comes in no test of alerts.test.yml", r.Alert)
		}
	}
}

// Who is woken reads what is wrong, where, and which command to type.
func TestAlertsSayWhatIsWrongAndWhatToDo(t *testing.T) {
	t.Parallel()
	page := read(t, "README.md")
	for _, r := range rules(t) {
		if severity := r.Labels["severity"]; severity != "critical" && severity != "warning" || len(r.Labels) != 1 {
			t.Errorf("%s has the labels %v, want the severity critical or warning", r.Alert, r.Labels)
		}
		if r.For == "" {
			t.Errorf("%s has no for", r.Alert)
		}
		if keys := slices.Sorted(maps.Keys(r.Annotations)); !slices.Equal(keys, []string{"description", "summary"}) {
			t.Errorf("%s has the annotations %q", r.Alert, keys)
		}
		if row := "\n| " + r.Alert + " | " + r.Labels["severity"] + " | "; !strings.Contains(page, row) {
			t.Errorf("the README's table has no row %q", row)
		}
		summary, description := r.Annotations["summary"], r.Annotations["description"]
		if !strings.Contains(summary, "{{ $labels.instance }}") && !strings.HasPrefix(r.Expr, "absent(") {
			t.Errorf("%s does not say where: %q", r.Alert, summary)
		}
		if len(summary) > 120 || !strings.HasSuffix(summary, ".") || strings.Contains(summary, "\n") {
			t.Errorf("%s does not say in one short sentence what is wrong: %q", r.Alert, summary)
		}
		if !strings.Contains(description, "`") && !strings.HasPrefix(r.Expr, "absent(") {
			t.Errorf("%s does not say what to type: %q", r.Alert, description)
		}
	}
}

// counted is a counter in an expression, and the function around it.
var counted = regexp.MustCompile(`(\w*)\(?\bbrood_\w+_(total|count|bucket)\b`)

// A counter begins anew with each start of the server.
func TestAlertsSurviveARestart(t *testing.T) {
	t.Parallel()
	for _, r := range rules(t) {
		for _, found := range counted.FindAllStringSubmatch(r.Expr, -1) {
			if found[1] != "rate" && found[1] != "increase" {
				t.Errorf("%s looks at a counter as it stands: %s", r.Alert, found[0])
			}
		}
	}
}
