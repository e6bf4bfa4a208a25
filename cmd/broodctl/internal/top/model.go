package top

import (
	"time"

	"github.com/charmbracelet/x/ansi"

	"brood/ipc/admin"
)

// Options are what somebody wants to see at first.
type Options struct {
	Every  time.Duration // between two Snapshots
	Sort   string        // one of SortNames, with a minus before it for the other direction
	Filter string
}

// Model is all that the screen depends on. It is for one goroutine.
type Model struct {
	Options
	width, height int
	method        ansi.Method
	now           time.Time

	seen   *Snapshot      // nil: nothing yet
	before admin.Counters // of the Snapshot before it
	link   link
	rows   []*row // of seen
	stuck  int    // of them
	client int    // the widest client so far: columns do not jump

	order    order
	filter   filter
	shown    []*row // of rows, in their order
	list     list   // on shown
	selected uint64 // the ID of the session that the cursor is on

	past     *past // whose history is on the screen; nil: sessions are
	helping  bool
	question *Target
	notice   notice
}

// notice is something to be said for a while.
type notice struct {
	text  string
	until time.Time
}

const noticeFor = 10 * time.Second

// New returns a model of a screen of 80 by 24. The error is about Options.
func New(o Options) (*Model, error) {
	by, err := parseOrder(o.Sort)
	if err != nil {
		return nil, err
	}
	m := &Model{Options: o, order: by, list: list{cursor: -1}}
	m.filter.set(o.Filter)
	m.Resize(80, 24)
	return m, nil
}

// Resize says how large the screen is, in characters.
func (m *Model) Resize(width, height int) {
	m.width, m.height = width, height
	m.arrange()
}

// Graphemes says that the terminal takes characters that belong together for one.
func (m *Model) Graphemes() { m.method = ansi.GraphemeWidth }

// Tick says what time it is.
func (m *Model) Tick(now time.Time) {
	m.now = now
	if now.After(m.notice.until) {
		m.notice = notice{}
	}
}

// Refresh takes over what the server has said.
func (m *Model) Refresh(now time.Time, s *Snapshot) {
	m.Tick(now)
	m.before = s.Status.Counters
	if m.seen != nil {
		if text := m.link.back(m.seen.Hello.PID, s.Hello.PID); text != "" {
			m.Notice(text)
		}
		if m.seen.Hello.PID == s.Hello.PID {
			m.before = m.seen.Status.Counters
		} else { // an ID of the one before is another session's here
			m.question, m.selected, m.list.cursor = nil, 0, -1
		}
	}
	m.link = link{answered: now}
	m.seen, m.stuck = s, 0
	m.rows = make([]*row, 0, len(s.Sessions))
	for i := range s.Sessions {
		r := newRow(&s.Sessions[i])
		m.rows = append(m.rows, r)
		m.client = max(m.client, m.method.StringWidth(r.Peer))
		if r.stuck {
			m.stuck++
		}
	}
	m.arrange()
}

// Lost says that the server can't be asked, and why.
func (m *Model) Lost(now time.Time, err error) {
	m.Tick(now)
	m.link.lost(now, err)
	m.question = nil
}

// Left says that the server has gone, and the reason that it gave, if any.
func (m *Model) Left(now time.Time, reason string) {
	m.Tick(now)
	m.link.left(now, reason)
	m.question = nil
}

// Notice has something said for a while.
func (m *Model) Notice(text string) { m.notice = notice{text, m.now.Add(noticeFor)} }

// Client is whose history is wanted with the next Snapshot; empty: nobody's.
func (m *Model) Client() string {
	if m.past == nil {
		return ""
	}
	return m.past.client
}

// arrange sorts and filters, and follows the session under the cursor.
func (m *Model) arrange() {
	line := m.list.cursor - m.list.top // where the cursor stays on the screen, if it can
	m.shown = m.shown[:0]
	for _, r := range m.rows {
		if m.filter.accepts(r) {
			m.shown = append(m.shown, r)
		}
	}
	m.order.sort(m.shown)
	cursor, top := m.list.cursor, m.list.top
	for i, r := range m.shown {
		if cursor >= 0 && r.ID == m.selected {
			cursor, top = i, i-line
		}
	}
	m.list.rows, m.list.height = len(m.shown), max(1, m.height-headHeight-1)
	m.list.set(cursor, top)
	m.follow()
	if m.past != nil {
		m.past.take(m)
	}
}

// follow remembers the session that the cursor has come to be on.
func (m *Model) follow() {
	m.selected = 0
	if r := m.under(); r != nil {
		m.selected = r.ID
	}
}

// under is the session under the cursor; nil: there is none.
func (m *Model) under() *row {
	if m.list.cursor < 0 || m.list.cursor >= len(m.shown) {
		return nil
	}
	return m.shown[m.list.cursor]
}
