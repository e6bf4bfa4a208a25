package health

import (
	"strings"
	"testing"
	"time"

	"brood/ipc/admin"
)

func TestAReportsLevelIsTheGravestOfWhatIsSaid(t *testing.T) {
	t.Parallel()
	status := func(state string, active, waiting int) *admin.Status {
		return &admin.Status{State: state, Active: active, Waiting: waiting, MaxSessions: 10, Counters: admin.Counters{Started: 7, Bytes: 9}}
	}
	for _, tt := range []struct {
		name   string
		status *admin.Status
		limits Limits
		want   string
	}{
		{"nothing to say", status("serving", 9, 1000), Limits{}, "BROOD OK: serving, 9 of 10 sessions, 1000 waiting | sessions=9;;;0;10 waiting=1000;;;0 started=7c"},
		{"all places are taken", status("serving", 10, 0), Limits{}, "BROOD WARNING: serving, 10 of 10"},
		{"it drains", status("draining", 3, 0), Limits{}, "BROOD WARNING: draining, 3 sessions left"},
		{"below the limits", status("serving", 0, 4), Limits{5, 9}, "BROOD OK: serving, 0 of 10 sessions, 4 waiting | sessions=0;;;0;10 waiting=4;5;9;0 "},
		{"at the first", status("serving", 0, 5), Limits{5, 9}, "BROOD WARNING: "},
		{"at the second", status("serving", 0, 9), Limits{5, 9}, "BROOD CRITICAL: "},
		{"at the second alone", status("draining", 0, 9), Limits{0, 9}, "BROOD CRITICAL: "},
	} {
		r := new(Report)
		r.Server(tt.status, tt.limits)
		if got := r.Line(); !strings.HasPrefix(got, tt.want) || strings.Count(got, "|") != 1 {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	r := new(Report)
	r.Server(status("serving", 0, 0), Limits{})
	r.Fetched("f", 5, 1500*time.Microsecond)
	r.Say(Critical, "f: nobody\nanswers | at all")
	r.Say(Unknown, "and no more")
	if got := r.Line(); r.Level != Critical || !strings.HasPrefix(got, "BROOD CRITICAL: f: nobody answers / at all; serving, 0 of 10 sessions, 0 waiting; and no more | ") ||
		!strings.HasSuffix(got, " bytes=9B fetch=0.001500s fetch_bytes=5B") {
		t.Errorf("%q", got)
	}
	if got := new(Report).Line(); got != "BROOD OK: " {
		t.Errorf("nothing: %q", got)
	}
}
