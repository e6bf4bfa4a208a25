package supervisor

import (
	"brood/ipc"
	"brood/protocol"
)

// stats is a snapshot.
func (s *Supervisor) stats() ServerStats {
	for _, l := range s.listeners {
		s.counters.KernelDrops += l.newDrops()
	}
	c := s.counters
	c.Since = s.started
	c.Sandbox = s.guard.String()
	c.ReportsLost = s.report.lost.Load()
	c.Active, c.Idle, c.Starting = len(s.pool.busy), len(s.pool.idle), s.pool.starting
	c.Waiting = s.queue.len()
	return c
}

func (s *Supervisor) reportStats(post func(func())) {
	if s.OnServerStats != nil {
		stats := s.stats()
		post(func() { s.OnServerStats(stats) })
	}
}

// count adds one ended session to the counters.
func (s *Supervisor) count(outcome Outcome, last *ipc.Frame) {
	c := &s.counters
	c.Bytes += last.Bytes
	c.Packets += last.Packets
	c.Retransmissions += last.Retransmissions
	switch outcome {
	case Complete:
		c.Completed++
	case Declined:
		c.Declined++
	case Refused:
		if last.ErrorCode == uint16(protocol.CodeNotFound) {
			c.Missing++
		} else {
			c.Failed++
		}
	case TimedOut, PeerGone:
		c.TimedOut++
	case Crashed, Violated:
		c.Crashed++
	case Superseded, Drained, Killed:
		c.Ended++
	case Stalled, Overdue:
		c.Expired++
	case Unserved: // has its own count, by reason
	default:
		c.Failed++
	}
}
