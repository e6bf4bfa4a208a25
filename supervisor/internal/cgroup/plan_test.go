package cgroup

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestThePlanIsInTheKernelsOrder(t *testing.T) {
	t.Parallel()
	const all = "cpuset cpu io memory pids\n"
	makes := []string{
		"making supervisor", "making workers", "moving this process and those beside it to supervisor",
		"writing to cgroup.subtree_control +memory +pids",
	}
	bounded := []string{
		"writing to workers/memory.max 104857600", "writing to workers/memory.swap.max 0", "writing to workers/pids.max 200",
	}
	gives := []string{
		"giving the supervisor's account cgroup.procs 65530", "giving the supervisor's account workers/cgroup.procs 65530",
		"giving the supervisor's account workers/memory.max 65530", "giving the supervisor's account workers/memory.swap.max 65530",
		"giving the supervisor's account workers/pids.max 65530",
	}
	takes := []string{
		"taking back cgroup.procs", "taking back workers/cgroup.procs", "taking back workers/memory.max",
		"taking back workers/memory.swap.max", "taking back workers/pids.max",
	}
	both := Limits{Memory: 100 << 20, Tasks: 200}
	for _, tt := range []struct {
		name  string
		f     found
		l     Limits
		owner int
		want  [][]string
	}{
		{"as root, at first", found{controllers: all}, both, 65530, [][]string{takes, makes, bounded, gives}},
		{
			"as root, where another was before",
			found{controllers: all, given: "memory pids"},
			both, 65530,
			[][]string{takes, {"making workers"}, bounded, gives},
		},
		{"as an ordinary user to whom it was delegated", found{controllers: all}, both, -1, [][]string{makes, bounded}},
		{"after an upgrade nobody has to move", found{controllers: all, given: "memory pids\n"}, both, -1, [][]string{{"making workers"}, bounded}},
		{
			"a controller that is given already stays",
			found{controllers: all, given: "pids\n"},
			both, -1,
			[][]string{makes[:3], {"writing to cgroup.subtree_control +memory"}, bounded},
		},
		{
			"memory alone",
			found{controllers: all, given: "memory pids\n"},
			Limits{Memory: 1 << 20},
			-1,
			[][]string{{"making workers", "writing to workers/memory.max 1048576", "writing to workers/memory.swap.max 0", "writing to workers/pids.max max"}},
		},
		{
			"tasks alone",
			found{controllers: all, given: "memory pids\n"},
			Limits{Tasks: 50},
			-1,
			[][]string{{"making workers", "writing to workers/memory.max max", "writing to workers/memory.swap.max max", "writing to workers/pids.max 50"}},
		},
	} {
		steps, err := plan(tt.f, tt.l, tt.owner)
		var got []string
		for _, s := range steps {
			got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", s.do, s.path, s.text)))
		}
		if want := slices.Concat(tt.want...); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v\n%s\nwant\n%s", tt.name, err, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestWithoutItsControllersThereIsNoPlan(t *testing.T) {
	t.Parallel()
	for have, want := range map[string]string{
		"":                 "it lacks the controllers it needs: memory, pids",
		"cpuset cpu pids":  "it lacks the controllers it needs: memory",
		"memory_x memory ": "it lacks the controllers it needs: pids",
	} {
		if steps, err := plan(found{controllers: have}, Limits{Tasks: 50}, -1); err == nil || !strings.HasSuffix(err.Error(), want) || steps != nil {
			t.Errorf("with %q: %v, %v; want %q", have, steps, err, want)
		}
	}
}

func TestTheDelegatedGroupIsTheOneAboveSupervisor(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]string{
		"/sys/fs/cgroup/brood.service":            "/sys/fs/cgroup/brood.service",
		"/sys/fs/cgroup/brood.service/supervisor": "/sys/fs/cgroup/brood.service",
		"/sys/fs/cgroup":                          "/sys/fs/cgroup",
	} {
		if got := delegated(at); got != want {
			t.Errorf("of %s: %s, want %s", at, got, want)
		}
	}
}

func TestEitherLimitIsTheLooserOfBoth(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ a, b, want Limits }{
		{Limits{1, 2}, Limits{3, 1}, Limits{3, 2}},
		{Limits{1, 0}, Limits{3, 1}, Limits{3, 0}},
		{Limits{0, 2}, Limits{3, 0}, Limits{}},
		{Limits{1, 2}, Limits{1, 2}, Limits{1, 2}},
	} {
		if got, back := tt.a.Or(tt.b), tt.b.Or(tt.a); got != tt.want || back != tt.want {
			t.Errorf("%+v or %+v: %+v and %+v, want %+v", tt.a, tt.b, got, back, tt.want)
		}
	}
}
