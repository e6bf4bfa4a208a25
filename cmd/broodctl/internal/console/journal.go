package console

import (
	"strings"
	"sync"
	"time"
)

// maxLines is how much is logged in a minute: the supervisor logs 64 lines of all that
// a helper says.
const maxLines = 30

// journal passes on what an operator should know, as long as it is not too much.
type journal struct {
	to func(message string, pairs ...any)

	mu    sync.Mutex
	since time.Time // this minute's begin
	lines int       // of it
	lost  int       // lines that were too many
}

func newJournal(to func(string, ...any)) *journal { return &journal{to: to} }

func (j *journal) say(message string, pairs ...any) {
	if j.to == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if now := time.Now(); now.Sub(j.since) >= time.Minute {
		j.since, j.lines = now, 0
	}
	if j.lines++; j.lines > maxLines {
		j.lost++
		return
	}
	if j.lost > 0 {
		pairs = append(pairs, "suppressed", j.lost)
		j.lost = 0
	}
	j.to(message, pairs...)
}

// Write has net/http say what it has to.
func (j *journal) Write(b []byte) (int, error) {
	j.say("console: http", "line", firstLine(string(b)))
	return len(b), nil
}

// firstLine leaves out the stack of a panic.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
