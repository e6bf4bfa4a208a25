package top

import (
	"cmp"
	"fmt"
	"strings"

	"brood/cmd/broodctl/internal/figures"
	"brood/ipc/admin"
)

// head is what is said of the server, in three lines.
func (m *Model) head() []string {
	s := &m.seen.Status
	first := join(m.method, m.width, name(s.Program), state(s), fmt.Sprintf("pid %d", s.PID), fmt.Sprintf("configuration %d", s.Generation))
	if text := m.link.trouble(m.now, m.Every); text != "" {
		first = reverse.Styled(fit(m.method, m.method.Truncate(text, m.width, "…"), m.width, true))
	}
	idle := fmt.Sprintf("idle workers %d", s.Idle)
	if s.Starting > 0 {
		idle += fmt.Sprintf(" and %d on their way", s.Starting)
	}
	return []string{
		first,
		join(m.method, m.width, fmt.Sprintf("sessions %d of %d", s.Active, s.MaxSessions), fmt.Sprintf("waiting %d", s.Waiting),
			fmt.Sprintf("stuck %d", m.stuck), "rate "+figures.Size(int64(m.seen.rate()))+"/s", idle),
		m.counters(),
	}
}

// name is what a server calls itself, without what it was built with.
func name(program string) string {
	words := strings.Fields(program)
	return cmp.Or(strings.Join(words[:min(2, len(words))], " "), "no name")
}

// state is what the server does, and for how long.
func state(s *admin.Status) string {
	text := s.State
	switch {
	case s.DrainLeft > 0:
		text += ", " + figures.Age(seconds(s.DrainLeft)) + " left"
	case s.State == "serving":
		text += " for " + figures.Age(seconds(s.Uptime))
	}
	return strings.Join(append([]string{text}, s.Besides()...), ", ")
}

// counters are those that tell of trouble, each with what it has grown by since the
// last screen.
func (m *Model) counters() string {
	now, before := &m.seen.Status.Counters, &m.before
	said := func(name string, of func(*admin.Counters) uint64) string {
		text := fmt.Sprintf("%s %d", name, of(now))
		if grown := of(now) - of(before); of(now) > of(before) {
			text += fmt.Sprintf(" (+%d)", grown)
		}
		return text
	}
	return join(
		m.method, m.width,
		said("failed", func(c *admin.Counters) uint64 { return c.Failed + c.TimedOut + c.Crashed }),
		said("refused", refused),
		said("kernel drops", func(c *admin.Counters) uint64 { return c.KernelDrops }),
		fmt.Sprintf("complete %d", now.Completed),
		said("crashed", func(c *admin.Counters) uint64 { return c.Crashed }),
		said("timed out", func(c *admin.Counters) uint64 { return c.TimedOut }),
	)
}

// refused are requests that were not served, whatever the reason.
func refused(c *admin.Counters) uint64 {
	return c.RefusedMalformed + c.RefusedWrite + c.RefusedDenied + c.RefusedTooOften + c.RefusedPenalised + c.RefusedFailing +
		c.RefusedQueueFull + c.RefusedCrowded + c.RefusedStale + c.RefusedUnreachable + c.RefusedDraining
}
