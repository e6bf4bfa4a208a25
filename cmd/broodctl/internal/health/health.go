// Package health says how well a server is in the way of Nagios plugins: a level, a
// line, and figures.
package health

import (
	"fmt"
	"strings"
	"time"

	"brood/ipc/admin"
)

// Level is also the exit code.
type Level int

const (
	OK Level = iota
	Warning
	Critical
	Unknown
)

func (l Level) String() string { return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[l] }

// Limits are of requests that wait; 0: none.
type Limits struct{ Warn, Crit int }

// Report is what was found. Its level is the gravest of what was said, and that
// nothing could be found out counts for less than what was found to be wrong.
type Report struct {
	Level   Level
	said    []string
	figures []string
}

// Say adds a fact.
func (r *Report) Say(l Level, format string, args ...any) {
	text := strings.Join(strings.Fields(strings.ReplaceAll(fmt.Sprintf(format, args...), "|", "/")), " ")
	grave := func(l Level) int { return [...]int{OK: 0, Warning: 1, Unknown: 2, Critical: 3}[l] }
	if grave(l) > grave(r.Level) {
		r.Level = l
		r.said = append([]string{text}, r.said...)
		return
	}
	r.said = append(r.said, text)
}

func (r *Report) figure(format string, args ...any) {
	r.figures = append(r.figures, fmt.Sprintf(format, args...))
}

// Server adds what a status says.
func (r *Report) Server(s *admin.Status, limits Limits) {
	level, say := OK, fmt.Sprintf("serving, %d of %d sessions, %d waiting", s.Active, s.MaxSessions, s.Waiting)
	switch {
	case limits.Crit > 0 && s.Waiting >= limits.Crit:
		level = Critical
	case s.State != "serving", limits.Warn > 0 && s.Waiting >= limits.Warn, s.Active >= s.MaxSessions:
		level = Warning
	}
	if s.State != "serving" {
		say = fmt.Sprintf("%s, %d sessions left", s.State, s.Active)
	}
	r.Say(level, "%s", say)
	bound := func(n int) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	r.figure("sessions=%d;;;0;%d", s.Active, s.MaxSessions)
	r.figure("waiting=%d;%s;%s;0", s.Waiting, bound(limits.Warn), bound(limits.Crit))
	c := &s.Counters
	for _, f := range []struct {
		name string
		n    uint64
	}{
		{"started", c.Started},
		{"completed", c.Completed},
		{"missing", c.Missing},
		{"failed", c.Failed},
		{"timed_out", c.TimedOut},
		{"crashed", c.Crashed},
		{"expired", c.Expired},
		{"retransmissions", c.Retransmissions},
		{"kernel_drops", c.KernelDrops},
		{"worker_failures", c.WorkerFailures},
	} {
		r.figure("%s=%dc", f.name, f.n)
	}
	r.figure("bytes=%dB", c.Bytes)
}

// Fetched adds how long a file took.
func (r *Report) Fetched(name string, bytes int64, took time.Duration) {
	r.figure("fetch=%.6fs", took.Seconds())
	r.figure("fetch_bytes=%dB", bytes)
}

// Line is what a plugin prints.
func (r *Report) Line() string {
	line := "BROOD " + r.Level.String() + ": " + strings.Join(r.said, "; ")
	if len(r.figures) > 0 {
		line += " | " + strings.Join(r.figures, " ")
	}
	return line
}
