package cgroup

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Limits are what the workers may have together. Zero means no bound.
type Limits struct {
	Memory int64 // bytes
	Tasks  int   // processes and threads
}

// Or returns limits within which is whatever is within one of two.
func (l Limits) Or(m Limits) Limits {
	either := Limits{Memory: max(l.Memory, m.Memory), Tasks: max(l.Tasks, m.Tasks)}
	if l.Memory == 0 || m.Memory == 0 {
		either.Memory = 0
	}
	if l.Tasks == 0 || m.Tasks == 0 {
		either.Tasks = 0
	}
	return either
}

// The groups, below the one that was delegated.
const (
	ours    = "supervisor"
	workers = "workers"
)

// needed are the controllers. Both are taken whatever is bounded at first, so that
// each bound can be set later.
var needed = []string{"memory", "pids"}

// verb is one kind of step.
type verb string

const (
	take     verb = "taking back"
	makeDir  verb = "making"
	evacuate verb = "moving this process and those beside it to"
	write    verb = "writing to"
	give     verb = "giving the supervisor's account"
)

// step is one thing to do in the control file system.
type step struct {
	do   verb
	path string // below the delegated group
	text string // what to write, or the account's number
}

// swap is a bound that not every kernel has: a step that finds no such file is done.
const swap = workers + "/memory.swap.max"

// found is what there is before the first step.
type found struct {
	controllers string // that the delegated group may give to others
	given       string // that it gives already
	kept        bool   // systemd has it for itself
}

// later are the files that are written to when root is left. To start a process in a
// group takes the right to move one there from the group that both are in; see
// clone(2), CLONE_INTO_CGROUP.
var later = []string{"cgroup.procs", workers + "/cgroup.procs", workers + "/memory.max", swap, workers + "/pids.max"}

// delegated is the group below which this process may make others, by its own: where
// another process has started it, or a service manager knows of "supervisor", it is
// there already.
func delegated(home string) string {
	if path.Base(home) == ours {
		return path.Dir(home)
	}
	return home
}

// plan says what to do, in which order. owner is who must be able to start processes
// in the group and to change its bounds later.
func plan(f found, l Limits, owner int) ([]step, error) {
	have, given := strings.Fields(f.controllers), strings.Fields(f.given)
	lacks := func(list []string) (names []string) {
		for _, name := range needed {
			if !slices.Contains(list, name) {
				names = append(names, name)
			}
		}
		return names
	}
	if names := lacks(have); len(names) > 0 {
		return nil, fmt.Errorf("it lacks the controllers it needs: %s", strings.Join(names, ", "))
	}
	if f.kept {
		return nil, errors.New("systemd keeps it for itself, and those who are in it would be moved: start a service of its own, with Delegate=memory pids")
	}
	var steps []step
	if owner >= 0 {
		// What a process before this one has given away root can't write to, unless
		// it has CAP_DAC_OVERRIDE, which a service need not have.
		for _, name := range later {
			steps = append(steps, step{do: take, path: name})
		}
	}
	if names := lacks(given); len(names) > 0 {
		steps = append(steps,
			step{do: makeDir, path: ours}, step{do: makeDir, path: workers},
			step{do: evacuate, path: ours},
			step{do: write, path: "cgroup.subtree_control", text: "+" + strings.Join(names, " +")},
		)
	} else {
		steps = append(steps, step{do: makeDir, path: workers})
	}
	steps = append(steps, bounds(l)...)
	if owner < 0 {
		return steps, nil
	}
	for _, name := range later {
		steps = append(steps, step{do: give, path: name, text: strconv.Itoa(owner)})
	}
	return steps, nil
}

// bounds says how limits are set. Workers that have a bound of memory get no swap:
// what is over the bound would go there, and be as slow for everybody.
func bounds(l Limits) []step {
	memory, swapped, tasks := "max", "max", "max"
	if l.Memory > 0 {
		memory, swapped = strconv.FormatInt(l.Memory, 10), "0"
	}
	if l.Tasks > 0 {
		tasks = strconv.Itoa(l.Tasks)
	}
	return []step{
		{do: write, path: workers + "/memory.max", text: memory},
		{do: write, path: swap, text: swapped},
		{do: write, path: workers + "/pids.max", text: tasks},
	}
}
