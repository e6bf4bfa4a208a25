package machines

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"brood/ipc/admin"
)

var dawn = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func at(seconds float64) time.Time {
	return dawn.Add(time.Duration(seconds * float64(time.Second)))
}

// play is what a machine asks for: a line each with when, for how long, the file, and
// how that ended: ok, probe (it wanted the size), miss, run (it does not end), or an
// outcome of the server's.
type play string

// someone is who asks, unless a play is another's.
const someone = "192.0.2.7:2070"

// sessions are the play's, in the order of their requests. Sizes follow from names.
func (p play) sessions(t testing.TB, mac, peer string, firstID uint64) (all []admin.Ended) {
	t.Helper()
	for line := range strings.Lines(string(p)) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		begin, err1 := strconv.ParseFloat(f[0], 64)
		takes, err2 := strconv.ParseFloat(strings.TrimPrefix(f[1], "+"), 64)
		if len(f) != 4 || err1 != nil || err2 != nil {
			t.Fatalf("a play's line: %q", line)
		}
		e := admin.Ended{ID: firstID + uint64(len(all)), MAC: mac, Peer: peer, File: f[2], Received: at(begin), Duration: takes, Size: int64(100 * len(f[2])), Outcome: f[3]}
		switch f[3] {
		case "ok":
			e.Outcome, e.Bytes = complete, uint64(e.Size)
		case "probe":
			e.Outcome = declined
		case "miss":
			e.Outcome, e.ErrorCode, e.Size = refused, codeNotFound, -1
		}
		all = append(all, e)
	}
	return all
}

// whileItRuns is a session before its end.
func whileItRuns(e *admin.Ended, now time.Time) *admin.Session {
	return &admin.Session{ID: e.ID, MAC: e.MAC, Peer: e.Peer, File: e.File, State: "serving", Size: e.Size, Age: now.Sub(e.Received).Seconds()}
}

// tell has a table hear of sessions as they begin and end.
func tell(t *Table, all []admin.Ended) {
	type event struct {
		at  time.Time
		run func(now time.Time)
	}
	var events []event
	for i := range all {
		e := &all[i]
		if e.Outcome != "unserved" {
			events = append(events, event{e.Received, func(now time.Time) { t.Begun(now, whileItRuns(e, now)) }})
		}
		if e.Outcome != "run" {
			events = append(events, event{e.Received.Add(seconds(e.Duration)), func(time.Time) { t.Ended(e) }})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	for _, e := range events {
		e.run(e.at)
	}
}

// brief is a machine's boots, the oldest first: why it is one, how it stands, and the
// stages, with a mark at those that were not got, and dots at those that run.
func brief(t *Table, now time.Time, id string) string {
	m, ok := t.Machine(now, id)
	if !ok {
		return "not known"
	}
	var boots []string
	for _, b := range slices.Backward(m.Boots) {
		var steps []string
		for _, s := range b.Steps {
			mark := "!"
			switch {
			case s.Outcome == "":
				mark = "..."
			case s.Outcome == complete, s.Stage == SizeProbe:
				mark = ""
			}
			steps = append(steps, string(s.Stage)+mark)
		}
		boots = append(boots, fmt.Sprintf("%s %s: %s", b.Why, b.State, strings.Join(steps, " ")))
	}
	return strings.Join(boots, "\n")
}

// latestFirst is the server's order of its history.
func latestFirst(all []admin.Ended) []admin.Ended {
	all = slices.DeleteFunc(slices.Clone(all), func(e admin.Ended) bool { return e.Outcome == "run" })
	slices.SortStableFunc(all, func(a, b admin.Ended) int {
		return cmp.Compare(b.Received.Add(seconds(b.Duration)).UnixNano(), a.Received.Add(seconds(a.Duration)).UnixNano())
	})
	return all
}
