package machines

import (
	"cmp"
	"slices"
	"time"

	"brood/ipc/admin"
)

// Lost is that nobody tells any more what happens: what runs may end unseen.
func (t *Table) Lost(now time.Time) {
	for id, r := range t.open {
		r.Outcome = Unknown
		r.Duration = max(0, now.Sub(r.Received).Seconds())
		delete(t.open, id)
	}
}

// Resume is what is known when somebody tells again: which sessions run, and which are
// remembered to have ended. What happened meanwhile is put in order first, so that
// boots are told from one another as if all had been heard at its time.
func (t *Table) Resume(now time.Time, running []admin.Session, ended []admin.Ended) {
	type event struct {
		at  time.Time
		run func()
	}
	var all []event
	until := t.until
	for i := range ended {
		e := &ended[i]
		at, who := e.Received.Add(seconds(e.Duration)), client{e.MAC, e.Peer}
		if t.find(who, e.ID, e.File, e.Received) != nil {
			t.Ended(e)
			continue
		}
		if !at.After(until) {
			continue // it was known, and is not remembered
		}
		all = append(all,
			event{e.Received, func() { t.begin(who, e.ID, e.File, e.Received) }},
			event{at, func() { t.Ended(e) }})
	}
	for i := range running {
		s := &running[i]
		if s.State == "waiting" {
			continue // it is told of when it begins
		}
		all = append(all, event{now.Add(-seconds(s.Age)), func() { t.continues(now, s) }})
	}
	slices.SortStableFunc(all, func(a, b event) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	for _, e := range all {
		e.run()
		t.shrink()
	}
	t.saw(now)
}

// continues is that a session runs still, or has begun unseen.
func (t *Table) continues(now time.Time, s *admin.Session) {
	received := now.Add(-seconds(s.Age))
	if r := t.find(client{s.MAC, s.Peer}, s.ID, s.File, received); r != nil && r.Outcome == Unknown {
		r.Outcome = ""
		t.open[s.ID] = r
	}
	t.Progress(now, s)
}
