package machines

import (
	"container/list"
	"net/netip"
	"slices"
	"strings"
	"time"

	"brood/ipc/admin"
)

const (
	maxMachines = 4096
	maxUnproved = maxMachines / 4 // that go before others do
	maxAllSteps = 65_536
)

// outOfOrder is more than what steps are out of the order of their requests.
const outOfOrder = time.Minute

// Table knows machines. It is for one goroutine.
type Table struct {
	stages *Classifier
	byID   map[string]*machine
	byAddr map[string]*machine // who has it
	open   map[uint64]*running // by session
	order  [2]list.List        // the longest silent first; at 1 those that are proved
	steps  int
	until  time.Time // the latest event: what has ended by then is known
}

// running is a session that has not ended.
type running struct {
	*machine
	*boot
	*step
}

// New returns an empty table.
func New() *Table {
	return &Table{stages: NewClassifier(), byID: make(map[string]*machine), byAddr: make(map[string]*machine), open: make(map[uint64]*running)}
}

// client is who has asked for something.
type client struct{ mac, peer string }

func (c client) addr() string {
	if p, err := netip.ParseAddrPort(c.peer); err == nil {
		return p.Addr().Unmap().String()
	}
	return c.peer
}

// Begun is that a session has got a worker.
func (t *Table) Begun(now time.Time, s *admin.Session) {
	t.saw(now)
	received := now.Add(-seconds(s.Age))
	who := client{s.MAC, s.Peer}
	if r := t.open[s.ID]; r != nil && r.is(s.ID, s.File, received) {
		return
	}
	if t.find(who, s.ID, s.File, received) != nil {
		return // its end is known already
	}
	t.begin(who, s.ID, s.File, received).Size = s.Size
	t.shrink()
}

// Progress is how far a session is.
func (t *Table) Progress(now time.Time, s *admin.Session) {
	t.saw(now)
	if t.open[s.ID] == nil {
		t.Begun(now, s)
	}
	r := t.open[s.ID]
	if r == nil || r.File != s.File {
		return
	}
	r.step.Bytes, r.Size = s.Bytes, s.Size
	if at := now.Add(-seconds(s.Silence)); s.Bytes > 0 && at.After(r.moved) {
		r.moved = at
		r.hear(at)
		t.prove(r.machine)
		t.touch(r.machine)
	}
}

// Ended is that a session has ended, with a worker or without.
func (t *Table) Ended(e *admin.Ended) {
	at := e.Received.Add(seconds(e.Duration))
	t.saw(at)
	who := client{e.MAC, e.Peer}
	r := t.open[e.ID]
	if r == nil || !r.is(e.ID, e.File, e.Received) {
		if r = t.find(who, e.ID, e.File, e.Received); r == nil {
			t.begin(who, e.ID, e.File, e.Received)
			r = t.open[e.ID]
		} else if r.Outcome != Unknown {
			return // it is known already
		}
	}
	t.end(r, at, e)
	t.shrink()
}

// begin adds a step, to a machine and a boot that are made if there are none.
func (t *Table) begin(who client, id uint64, file string, received time.Time) *step {
	m := t.machine(who, received)
	b, stage := m.boot(), t.stages.StageOf(file)
	if why, is := b.begins(file, stage, received.Sub(m.heard)); is {
		m.count++
		b = &boot{number: m.count, began: received, why: why}
		m.boots = append(m.boots, b)
		if len(m.boots) > maxBoots {
			t.forget(m.boots[0].steps...)
			m.boots = m.boots[1:]
		}
	}
	if r := t.open[id]; r != nil {
		r.Outcome = Unknown // another process counts from the beginning
	}
	s := &step{Step{Stage: stage, File: strings.Clone(file), Session: id, Size: -1, Received: received}, stage, received}
	if out := b.add(s); out != nil {
		t.forget(out)
	}
	t.steps++
	t.open[id] = &running{m, b, s}
	m.hear(received)
	t.touch(m)
	return s
}

func (t *Table) end(r *running, at time.Time, e *admin.Ended) {
	delete(t.open, e.ID)
	r.step.end(e)
	if tells(e.Outcome) {
		r.hear(at)
	}
	if e.Bytes > 0 || e.Outcome == complete || e.Outcome == declined || e.Outcome == peerError {
		t.prove(r.machine)
	}
	if e.Outcome == complete {
		r.got(r.step)
	}
	t.touch(r.machine)
}

// find returns a client's session, whether it runs or not.
func (t *Table) find(who client, id uint64, file string, received time.Time) *running {
	m := t.known(who, received)
	if m == nil {
		return nil
	}
	for _, b := range slices.Backward(m.boots) {
		for _, s := range slices.Backward(b.steps) {
			if s.is(id, file, received) {
				return &running{m, b, s}
			}
			if received.Sub(s.Received) > outOfOrder {
				return nil
			}
		}
	}
	return nil
}

// known is the machine of a client at that time, if there is one.
func (t *Table) known(who client, at time.Time) *machine {
	addr := who.addr()
	m := t.byAddr[addr]
	recent := m != nil && at.Sub(m.heard) < pause
	switch {
	case who.mac != "" && t.byID[who.mac] != nil:
		return t.byID[who.mac]
	case who.mac != "" && recent && m.mac == "":
		return m
	case who.mac != "":
		return nil
	case m != nil && (recent || m.mac == ""):
		return m
	}
	return t.byID[addr]
}

// machine is the machine of a client, which may be a new one.
func (t *Table) machine(who client, at time.Time) *machine {
	addr := who.addr()
	m := t.known(who, at)
	if m == nil {
		m = &machine{id: strings.Clone(addr)}
		m.place = t.order[0].PushBack(m)
	}
	if who.mac != "" && m.mac == "" { // it was not known by that
		if t.byID[m.id] == m {
			delete(t.byID, m.id)
		}
		m.mac = strings.Clone(who.mac)
		m.id = m.mac
	}
	if m.addr != addr && t.byAddr[m.addr] == m {
		delete(t.byAddr, m.addr)
	}
	m.addr = strings.Clone(addr)
	t.byID[m.id], t.byAddr[m.addr] = m, m
	return m
}

// saw notes until when everything is known.
func (t *Table) saw(at time.Time) {
	if at.After(t.until) {
		t.until = at
	}
}

func (t *Table) prove(m *machine) {
	if !m.proved {
		m.proved = true
		t.order[0].Remove(m.place)
		m.place = t.order[1].PushBack(m)
	}
}

func (t *Table) touch(m *machine) {
	if m.proved {
		t.order[1].MoveToBack(m.place)
	} else {
		t.order[0].MoveToBack(m.place)
	}
}

// shrink forgets machines until there are not too many.
func (t *Table) shrink() {
	for len(t.byID) > maxMachines || t.steps > maxAllSteps {
		oldest := t.order[0].Front()
		if t.order[0].Len() <= maxUnproved && t.order[1].Len() > 0 {
			oldest = t.order[1].Front()
		}
		t.drop(oldest.Value.(*machine))
	}
}

func (t *Table) drop(m *machine) {
	for _, b := range m.boots {
		t.forget(b.steps...)
	}
	delete(t.byID, m.id)
	if t.byAddr[m.addr] == m {
		delete(t.byAddr, m.addr)
	}
	if m.proved {
		t.order[1].Remove(m.place)
	} else {
		t.order[0].Remove(m.place)
	}
}

// forget is that steps are not remembered any more.
func (t *Table) forget(steps ...*step) {
	t.steps -= len(steps)
	for _, s := range steps {
		if r := t.open[s.Session]; r != nil && r.step == s {
			delete(t.open, s.Session)
		}
	}
}

// Machines are all, the one that was heard last first.
func (t *Table) Machines(now time.Time) []Summary {
	all := make([]Summary, 0, len(t.byID))
	for _, m := range t.byID {
		all = append(all, m.summary(now))
	}
	slices.SortFunc(all, func(a, b Summary) int {
		if c := b.Heard.Compare(a.Heard); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all
}

// Machine is one, by its MAC or its latest address.
func (t *Table) Machine(now time.Time, id string) (Machine, bool) {
	m := t.byID[id]
	if m == nil {
		m = t.byAddr[id]
	}
	if m == nil {
		return Machine{}, false
	}
	return m.tell(now), true
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
