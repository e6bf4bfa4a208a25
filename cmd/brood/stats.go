package main

import (
	"github.com/hashicorp/go-hclog"

	"brood/supervisor"
)

// logStats writes the server's counters as one line.
func logStats(log hclog.Logger, s supervisor.ServerStats) {
	log.Info("stats",
		"requests", s.Requests,
		"started", s.Started,
		"completed", s.Completed,
		"declined", s.Declined,
		"missing", s.Missing,
		"failed", s.Failed,
		"timed-out", s.TimedOut,
		"crashed", s.Crashed,
		"ended", s.Ended,
		"expired", s.Expired,
		"duplicates", s.Duplicates,
		"refused-malformed", s.Refused.Malformed,
		"refused-write", s.Refused.Write,
		"refused-denied", s.Refused.Denied,
		"refused-too-often", s.Refused.TooOften,
		"refused-penalised", s.Refused.Penalised,
		"refused-failing", s.Refused.Failing,
		"refused-queue-full", s.Refused.QueueFull,
		"refused-crowded", s.Refused.Crowded,
		"refused-stale", s.Refused.Stale,
		"refused-unreachable", s.Refused.Unreachable,
		"refused-draining", s.Refused.Draining,
		"ignored", s.Ignored,
		"bytes", s.Bytes,
		"packets", s.Packets,
		"retransmissions", s.Retransmissions,
		"active", s.Active,
		"waiting", s.Waiting,
		"idle", s.Idle,
		"starting", s.Starting,
		"workers-started", s.WorkersStarted,
		"worker-failures", s.WorkerFailures,
		"kernel-drops", s.KernelDrops,
		"reports-lost", s.ReportsLost,
		"sandbox", s.Sandbox,
	)
}
