package supervisor

import (
	"os"
	"time"

	"brood/ipc/admin"
)

func (p phase) String() string {
	return [...]string{opening: "opening", serving: "serving", draining: "draining", asking: "ending"}[p]
}

func (s *Supervisor) adminStatus(now time.Time) admin.Status {
	c := s.stats()
	said := admin.Status{
		Program:     s.Admin.Program,
		PID:         os.Getpid(),
		Since:       s.started,
		Uptime:      now.Sub(s.started).Seconds(),
		State:       s.phase.String(),
		Reloading:   s.reloading,
		Unreloaded:  s.unreloaded,
		Upgrading:   s.successor != nil,
		Generation:  s.generation,
		Config:      s.Admin.ConfigFile,
		LogLevel:    s.Logger.GetLevel().String(),
		Sandbox:     c.Sandbox,
		Listeners:   []string{},
		Rules:       s.gate.rules.tell(now),
		Clients:     s.desk.Clients(),
		Active:      c.Active,
		Waiting:     c.Waiting,
		Idle:        c.Idle,
		Starting:    c.Starting,
		MaxSessions: s.MaxSessions,
		Counters:    c.tell(),

		Durations:    s.measured.durations.tell(durationBounds),
		FirstAnswers: s.measured.firstAnswers.tell(firstAnswerBounds),
		Rates:        s.measured.rates.tell(rateBounds),
	}
	if s.phase == draining {
		said.DrainLeft = max(0, s.phaseEnd.Sub(now).Seconds())
	}
	for _, l := range s.listeners {
		said.Listeners = append(said.Listeners, l.addr.String())
	}
	said.Counters.ClientsLost = s.desk.Lost()
	return said
}

// tell is what operators are told of the counters.
func (c *ServerStats) tell() admin.Counters {
	return admin.Counters{
		Requests:   c.Requests,
		Started:    c.Started,
		Completed:  c.Completed,
		Declined:   c.Declined,
		Missing:    c.Missing,
		Failed:     c.Failed,
		TimedOut:   c.TimedOut,
		Crashed:    c.Crashed,
		Ended:      c.Ended,
		Expired:    c.Expired,
		Duplicates: c.Duplicates,
		Ignored:    c.Ignored,

		RefusedMalformed:   c.Refused.Malformed,
		RefusedWrite:       c.Refused.Write,
		RefusedDenied:      c.Refused.Denied,
		RefusedTooOften:    c.Refused.TooOften,
		RefusedPenalised:   c.Refused.Penalised,
		RefusedFailing:     c.Refused.Failing,
		RefusedQueueFull:   c.Refused.QueueFull,
		RefusedCrowded:     c.Refused.Crowded,
		RefusedStale:       c.Refused.Stale,
		RefusedUnreachable: c.Refused.Unreachable,
		RefusedDraining:    c.Refused.Draining,

		Bytes:           c.Bytes,
		Packets:         c.Packets,
		Retransmissions: c.Retransmissions,

		WorkersStarted: c.WorkersStarted,
		WorkerFailures: c.WorkerFailures,
		KernelDrops:    c.KernelDrops,
		ReportsLost:    c.ReportsLost,
	}
}
