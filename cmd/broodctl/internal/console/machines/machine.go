package machines

import (
	"container/list"
	"slices"
	"time"
)

const maxBoots = 4

// Summary is a machine as it is now.
type Summary struct {
	ID      string    `json:"id"` // its MAC, or else its address
	MAC     string    `json:"mac,omitempty"`
	Address string    `json:"address"` // its latest
	State   State     `json:"state"`
	Boot    int       `json:"boot"`    // the number of its latest boot, of which all that follows is
	Began   time.Time `json:"began"`   // when that did
	Heard   time.Time `json:"heard"`   // when the machine was, for the last time
	Silence float64   `json:"silence"` // seconds since then
	Last    Step      `json:"last"`    // what it is getting, or the last thing that it got or did not
}

// Machine is one with its boots.
type Machine struct {
	Summary
	Boots []Boot `json:"boots"` // the latest first
}

// machine is one that is remembered.
type machine struct {
	id, mac, addr string
	boots         []*boot // the latest last
	count         int     // of boots ever
	heard         time.Time
	proved        bool // it has acknowledged something
	place         *list.Element
}

func (m *machine) boot() *boot {
	if len(m.boots) == 0 {
		return nil
	}
	return m.boots[len(m.boots)-1]
}

// hear notes that the machine was there.
func (m *machine) hear(at time.Time) {
	if at.After(m.heard) {
		m.heard = at
	}
}

func (m *machine) silence(now time.Time) time.Duration { return max(0, now.Sub(m.heard)) }

func (m *machine) summary(now time.Time) Summary {
	b := m.boot()
	return Summary{
		ID: m.id, MAC: m.mac, Address: m.addr,
		State: b.state(now, m.silence(now), false), Boot: b.number, Began: b.began,
		Heard: m.heard, Silence: m.silence(now).Seconds(), Last: b.latest().tell(now),
	}
}

func (m *machine) tell(now time.Time) Machine {
	told := Machine{Summary: m.summary(now)}
	for i, b := range slices.Backward(m.boots) {
		told.Boots = append(told.Boots, b.tell(now, m.silence(now), i < len(m.boots)-1))
	}
	return told
}
