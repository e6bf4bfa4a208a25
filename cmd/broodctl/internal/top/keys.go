package top

import "fmt"

// Action is what is to be done after a key.
type Action struct {
	Quit    bool
	Suspend bool
	Refresh bool    // ask the server now
	Kill    *Target // end a session
}

// Target is a session of a process: another process may have one of the same ID.
type Target struct {
	PID int
	ID  uint64
}

// Key takes a key: a character, or a name such as "enter", "esc", "pgup" or "ctrl+c".
func (m *Model) Key(name string) Action {
	m.notice = notice{}
	switch {
	case name == "ctrl+c":
		return Action{Quit: true}
	case name == "ctrl+z":
		return Action{Suspend: true}
	case m.question != nil:
		target := m.question
		m.question = nil
		if name == "y" || name == "Y" {
			return Action{Kill: target}
		}
		return Action{}
	case m.filter.typing:
		m.filter.key(name)
		m.arrange()
		return Action{}
	case name == "q":
		return Action{Quit: true}
	case m.helping:
		m.helping = false
		return Action{}
	case name == "?":
		m.helping = true
		return Action{}
	case name == "space":
		return Action{Refresh: true}
	case m.past != nil:
		if name == "esc" || name == "backspace" || name == "left" {
			m.past = nil
		} else {
			m.past.key(name)
		}
		return Action{}
	}
	return m.sessionKey(name)
}

// Paste takes a text that is typed at once.
func (m *Model) Paste(text string) {
	for _, r := range text {
		if m.filter.typing && r >= ' ' {
			m.Key(string(r))
		}
	}
}

// sessionKey takes a key while the sessions are shown.
func (m *Model) sessionKey(name string) Action {
	if m.list.key(name) {
		m.follow()
		return Action{}
	}
	switch name {
	case "/":
		m.filter.typing = true
	case "<", ",":
		m.order = m.order.next(-1)
	case ">", ".":
		m.order = m.order.next(1)
	case "r":
		m.order.turned = !m.order.turned
	case "esc":
		m.filter.set("")
		m.list.set(-1, 0)
	case "enter", "right":
		return m.open()
	case "k":
		m.ask()
	}
	m.arrange()
	return Action{}
}

// open shows the history of the client under the cursor.
func (m *Model) open() Action {
	r := m.under()
	switch {
	case r == nil:
		m.Notice("whose history? pick a session by the arrow keys")
	case !r.peer.IsValid():
		m.Notice(r.Peer + " is no address: its history can't be asked for")
	default:
		m.past = newPast(r)
		m.arrange()
		return Action{Refresh: true}
	}
	return Action{}
}

// ask begins to end the session under the cursor.
func (m *Model) ask() {
	r := m.under()
	switch {
	case m.seen == nil || !m.seen.Hello.MayChange:
		m.Notice("you may only look: ending sessions is for root and the socket's group")
	case r == nil:
		m.Notice("end which session? pick one by the arrow keys")
	case !m.link.since.IsZero():
		m.Notice("the server can't be asked")
	default:
		m.question = &Target{PID: m.seen.Hello.PID, ID: r.ID}
	}
}

// asked is the question before a session is ended.
func (m *Model) asked() string {
	text := fmt.Sprintf("End session %d", m.question.ID)
	for _, r := range m.rows {
		if r.ID == m.question.ID {
			text += fmt.Sprintf(" of %s, %s", r.Peer, r.File)
		}
	}
	return text + "? y: yes, another key: no"
}
