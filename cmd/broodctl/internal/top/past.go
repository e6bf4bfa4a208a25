package top

import (
	"fmt"
	"time"

	"brood/cmd/broodctl/internal/figures"
	"brood/ipc/admin"
)

// MostHistory is how much of a client's history is to be asked for, time after time.
const MostHistory = 200

// past is the history of a client on the screen.
type past struct {
	client string // its address
	mac    string
	known  bool // the server has said it
	rows   []event
	live   int // of the rows
	list   list
}

// event is a session of a client: one of the two.
type event struct {
	live  *row
	ended *admin.Ended
}

func newPast(r *row) *past {
	return &past{client: r.peer.Addr().WithZone("").Unmap().String(), mac: r.MAC, list: list{cursor: -1}}
}

func (p *past) key(name string) {
	if name == "end" {
		p.list.set(-1, p.list.rows)
		return
	}
	switch name {
	case "up":
		p.list.set(-1, p.list.top-1)
	case "down":
		p.list.set(-1, p.list.top+1)
	default:
		p.list.key(name)
	}
}

// take takes over what is known of the client: what it gets now, oldest first, and what
// has ended, latest first.
func (p *past) take(m *Model) {
	p.rows = p.rows[:0]
	ended := map[uint64]bool{}
	if m.seen.Client == p.client {
		p.known = true
		for i := range m.seen.History {
			ended[m.seen.History[i].ID] = true // while it was asked for, perhaps
		}
	}
	for _, r := range m.rows {
		if r.peer.Addr().WithZone("").Unmap().String() == p.client && !ended[r.ID] {
			p.rows = append(p.rows, event{live: r})
		}
	}
	p.live = len(p.rows)
	if m.seen.Client == p.client {
		for i := range m.seen.History {
			p.rows = append(p.rows, event{ended: &m.seen.History[i]})
		}
	}
	p.list.rows, p.list.height = len(p.rows), max(1, m.height-headHeight-2)
	p.list.set(-1, p.list.top)
}

// title says whose history it is.
func (p *past) title() string {
	name := p.client
	if p.mac != "" {
		name += " (" + p.mac + ")"
	}
	if !p.known {
		return name + ": its history is asked for"
	}
	before := len(p.rows) - p.live
	if before == MostHistory {
		return fmt.Sprintf("%s: %d now, the last %d before", name, p.live, before)
	}
	return fmt.Sprintf("%s: %d now, %d before", name, p.live, before)
}

// pastColumn is one of the table of a history, besides the file and what became of it.
type pastColumn struct {
	head  string
	width int
	left  bool
	text  func(event) string
}

// pastColumns are in the order in which they get room, and in which they stand.
var pastColumns = []pastColumn{
	{"OUTCOME", 12, true, func(e event) string {
		if e.live != nil {
			return e.live.State
		}
		return e.ended.Outcome
	}},
	{"REQUESTED", 14, true, func(e event) string {
		if e.live != nil {
			return "now"
		}
		return e.ended.Received.Local().Format("01-02 15:04:05")
	}},
	{"BYTES", 8, false, func(e event) string {
		if e.live != nil {
			return figures.Size(int64(e.live.Bytes))
		}
		return figures.Size(int64(e.ended.Bytes))
	}},
	{"TOOK", 7, false, func(e event) string {
		if e.live != nil {
			return figures.Age(seconds(e.live.Age))
		}
		return took(seconds(e.ended.Duration))
	}},
	{"RATE/s", 8, false, func(e event) string {
		if e.live != nil {
			return figures.Size(int64(e.live.Rate))
		}
		return figures.Size(int64(float64(e.ended.Bytes) / max(seconds(e.ended.Duration), 1).Seconds()))
	}},
	{"AGAIN", 5, false, func(e event) string {
		if e.live != nil {
			return count(e.live.Retransmissions)
		}
		return count(e.ended.Retransmissions)
	}},
}

// took is a time in seven characters.
func took(d time.Duration) string {
	if d >= time.Minute {
		return figures.Age(d)
	}
	return figures.Span(d)
}

// file is what was asked for, and what there is to say about it, in so many characters.
func (m *Model) file(e event, width int) string {
	if e.live != nil {
		return cut(m.method, e.live.File, width)
	}
	detail := e.ended.Detail
	if e.ended.ErrorCode != 0 {
		detail = fmt.Sprintf("ERROR %d %s", e.ended.ErrorCode, detail)
	}
	if detail == "" {
		return cut(m.method, e.ended.File, width)
	}
	name := cut(m.method, e.ended.File, max(width/2, width-2-m.method.StringWidth(detail)))
	return m.method.Truncate(name+": "+detail, width, "…")
}
