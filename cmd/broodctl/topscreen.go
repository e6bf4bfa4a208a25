package main

import (
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"brood/cmd/broodctl/internal/top"
)

const (
	shortest = 100 * time.Millisecond // between two questions
	beat     = 250 * time.Millisecond // at which a server that was lost is looked for
)

// screen is a top.Model on a terminal, with a server that is asked.
type screen struct {
	*socket
	*top.Model
	due     time.Time // when to ask next
	asking  bool
	again   bool      // ask once more when that has been answered
	watched bool      // somebody waits for the server's end
	refused time.Time // there was no place for who does
}

// What happens besides keys.
type (
	tick time.Time
	told struct { // an answer
		*top.Snapshot
		err error
	}
	left struct {
		reason string
		gone   bool // or nobody may wait for it any longer
	}
	killed struct{ err error }
)

func (s *screen) Init() tea.Cmd { return tea.Batch(s.tick(), s.watch(time.Now())) }

func (s *screen) tick() tea.Cmd {
	return tea.Tick(min(s.Every, beat), func(now time.Time) tea.Msg { return tick(now) })
}

// ask asks now, or once more if that is being done.
func (s *screen) ask() tea.Cmd {
	if s.asking {
		s.again = true
		return nil
	}
	s.asking, s.again = true, false
	s.due = time.Now().Add(s.Every)
	client := s.Client()
	return func() tea.Msg {
		seen, err := s.snapshot(client)
		return told{seen, err}
	}
}

// watch waits for the server's end. A server that has no place for who waits is not
// asked for one all the time.
func (s *screen) watch(now time.Time) tea.Cmd {
	if s.watched || now.Sub(s.refused) < time.Second {
		return nil
	}
	s.watched = true
	return func() tea.Msg {
		reason, gone := s.untilGone()
		return left{reason, gone}
	}
}

func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	now := time.Now()
	switch msg := msg.(type) {
	case tick:
		s.Tick(now)
		if now.Before(s.due) {
			return s, s.tick()
		}
		return s, tea.Batch(s.tick(), s.ask())
	case told:
		return s, s.told(now, msg)
	case left:
		s.watched = false
		if msg.gone {
			s.Left(now, msg.reason)
			return s, s.ask()
		}
		s.refused = now
	case killed:
		if msg.err != nil {
			s.Notice(msg.err.Error())
		}
		return s, s.ask()
	case tea.KeyPressMsg:
		return s, s.key(msg.String())
	case tea.PasteMsg:
		s.Paste(msg.Content)
	case tea.WindowSizeMsg:
		s.Resize(msg.Width, msg.Height)
	case tea.ModeReportMsg:
		if msg.Mode == ansi.ModeUnicodeCore && (msg.Value.IsReset() || msg.Value.IsSet()) {
			s.Graphemes()
		}
	}
	return s, nil
}

func (s *screen) told(now time.Time, msg told) tea.Cmd {
	s.asking = false
	if msg.err != nil {
		s.Lost(now, msg.err)
		s.due = now.Add(min(s.Every, beat))
	} else {
		s.Refresh(now, msg.Snapshot)
	}
	var next []tea.Cmd
	if s.again {
		next = append(next, s.ask())
	}
	if msg.err == nil {
		next = append(next, s.watch(now))
	}
	return tea.Batch(next...)
}

func (s *screen) key(name string) tea.Cmd {
	do := s.Key(name)
	switch {
	case do.Quit:
		return tea.Quit
	case do.Suspend:
		return tea.Suspend
	case do.Refresh:
		return s.ask()
	case do.Kill != nil:
		return func() tea.Msg { return killed{s.kill(*do.Kill)} }
	}
	return nil
}

func (s *screen) View() tea.View {
	v := tea.NewView(s.Model.View())
	v.AltScreen = true
	return v
}
