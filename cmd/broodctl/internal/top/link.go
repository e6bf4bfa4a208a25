package top

import (
	"fmt"
	"time"

	"brood/cmd/broodctl/internal/figures"
	"brood/ipc/admin"
)

// patience is how long an answer may take before the screen says that there is none.
const patience = 3 * time.Second

// link is how the server can be reached.
type link struct {
	answered time.Time // when it has last
	since    time.Time // when it could not be asked any more; zero: it can
	gone     string    // what it said when it went: a reason of admin.EventGone
	why      string    // what an attempt to ask it came to
}

// left is that the server has said why it goes, or has broken off without a word.
func (l *link) left(now time.Time, reason string) {
	if l.since.IsZero() {
		l.since = now
	}
	l.gone = reason
	if reason == "" {
		l.gone = "broken off"
	}
}

func (l *link) lost(now time.Time, err error) {
	if l.since.IsZero() {
		l.since = now
	}
	l.why = err.Error()
}

// trouble is what there is to say of a server that does not answer, or nothing.
func (l *link) trouble(now time.Time, every time.Duration) string {
	if l.since.IsZero() {
		if late := now.Sub(l.answered); late > patience+every {
			return "NO ANSWER for " + figures.Age(late)
		}
		return ""
	}
	text := "NO SERVER for " + figures.Age(now.Sub(l.since))
	switch l.gone {
	case admin.ReasonDrained:
		text += ": it has drained and ended"
	case admin.ReasonUpgraded:
		text += ": an upgrade, another process takes over"
	case "":
	default:
		text += ": it has gone without a word"
	}
	if l.why != "" {
		text += ": " + l.why
	}
	return text
}

// back is what there is to say when a server answers, and was another process before,
// or did not.
func (l *link) back(before, now int) string {
	switch {
	case before != now && l.gone == admin.ReasonUpgraded:
		return fmt.Sprintf("upgraded: process %d serves; what process %d still sends is not shown", now, before)
	case before != now:
		return fmt.Sprintf("another server answers: process %d", now)
	case !l.since.IsZero() && l.why != "":
		return "the server answers again"
	}
	return ""
}
