package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"brood/ipc/admin"
)

// series is one number of the server's.
type series struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	label []string // its value, if there is one
	value func(*admin.Status) float64
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("brood_"+name, help, labels, nil)
}

func one(name, help string, kind prometheus.ValueType, value func(*admin.Status) float64) series {
	return series{describe(name, help), kind, nil, value}
}

func gauge(name, help string, value func(*admin.Status) int) series {
	return one(name, help, prometheus.GaugeValue, func(s *admin.Status) float64 { return float64(value(s)) })
}

func counter(name, help string, value func(*admin.Counters) uint64) series {
	return one(name, help, prometheus.CounterValue, func(s *admin.Status) float64 { return float64(value(&s.Counters)) })
}

// part is one of the counters that a label tells apart.
type part struct {
	label string
	value func(*admin.Counters) uint64
}

func counters(name, help, label string, parts ...part) (all []series) {
	desc := describe(name, help, label)
	for _, p := range parts {
		all = append(all, series{desc, prometheus.CounterValue, []string{p.label}, func(s *admin.Status) float64 { return float64(p.value(&s.Counters)) }})
	}
	return all
}

func flag(is bool) int {
	if is {
		return 1
	}
	return 0
}

// serverSeries is all that a status says in single numbers.
func serverSeries() (all []series) {
	all = append(all,
		one("start_time_seconds", "When the server's process began, in seconds since 1970. Its counters begin then.", prometheus.GaugeValue, func(s *admin.Status) float64 { return float64(s.Since.UnixMilli()) / 1000 }),
		one("config_generation", "Number of the configuration in force: 1 at the start, and one more with each reload.", prometheus.GaugeValue, func(s *admin.Status) float64 { return float64(s.Generation) }),
		gauge("reload_failed", "1 if the last reload failed and what was in force before still is, else 0.", func(s *admin.Status) int { return flag(s.Unreloaded) }),
		gauge("reloading", "1 while a reload is under way, else 0.", func(s *admin.Status) int { return flag(s.Reloading) }),
		gauge("upgrading", "1 while an upgrade is under way, else 0.", func(s *admin.Status) int { return flag(s.Upgrading) }),
		gauge("sessions", "Sessions that run.", func(s *admin.Status) int { return s.Active }),
		gauge("sessions_max", "Sessions that may run at once.", func(s *admin.Status) int { return s.MaxSessions }),
		gauge("requests_waiting", "Requests that wait for a worker.", func(s *admin.Status) int { return s.Waiting }),
		gauge("workers_idle", "Workers that wait for a request.", func(s *admin.Status) int { return s.Idle }),
		gauge("workers_starting", "Workers that are being started.", func(s *admin.Status) int { return s.Starting }),
		gauge("admin_clients", "Clients of the admin socket, the one that asks for this included.", func(s *admin.Status) int { return s.Clients }),
		gauge("rules", "Rules of operators in force, which allow or deny clients for a time.", func(s *admin.Status) int { return len(s.Rules) }),

		counter("requests_total", "Datagrams read from the ports.", func(c *admin.Counters) uint64 { return c.Requests }),
		counter("requests_duplicate_total", "Requests that repeated one which was waiting or being answered.", func(c *admin.Counters) uint64 { return c.Duplicates }),
		counter("requests_ignored_total", "Datagrams that were no request.", func(c *admin.Counters) uint64 { return c.Ignored }),
		counter("kernel_drops_total", "Datagrams that the kernel dropped because a port's receive buffer was full.", func(c *admin.Counters) uint64 { return c.KernelDrops }),
		counter("sessions_started_total", "Sessions that were given to a worker.", func(c *admin.Counters) uint64 { return c.Started }),
		counter("content_bytes_total", "Bytes of content that clients have acknowledged, of sessions that have ended.", func(c *admin.Counters) uint64 { return c.Bytes }),
		counter("packets_total", "DATA and OACK packets sent, of sessions that have ended.", func(c *admin.Counters) uint64 { return c.Packets }),
		counter("retransmissions_total", "DATA and OACK packets that were sent again, of sessions that have ended.", func(c *admin.Counters) uint64 { return c.Retransmissions }),
		counter("workers_started_total", "Workers started.", func(c *admin.Counters) uint64 { return c.WorkersStarted }),
		counter("worker_failures_total", "Workers that did not start, or ended badly outside a session.", func(c *admin.Counters) uint64 { return c.WorkerFailures }),
		counter("reports_lost_total", "Records of sessions and log lines that were lost because their reader was too slow.", func(c *admin.Counters) uint64 { return c.ReportsLost }),
		counter("admin_clients_lost_total", "Clients of the admin socket that were cut off because they did not read.", func(c *admin.Counters) uint64 { return c.ClientsLost }),
	)
	all = append(all, counters("requests_refused_total", "Requests that no session was made of, by reason.", "reason",
		part{"malformed", func(c *admin.Counters) uint64 { return c.RefusedMalformed }},
		part{"write", func(c *admin.Counters) uint64 { return c.RefusedWrite }},
		part{"denied", func(c *admin.Counters) uint64 { return c.RefusedDenied }},
		part{"too-often", func(c *admin.Counters) uint64 { return c.RefusedTooOften }},
		part{"penalised", func(c *admin.Counters) uint64 { return c.RefusedPenalised }},
		part{"failing", func(c *admin.Counters) uint64 { return c.RefusedFailing }},
		part{"queue-full", func(c *admin.Counters) uint64 { return c.RefusedQueueFull }},
		part{"crowded", func(c *admin.Counters) uint64 { return c.RefusedCrowded }},
		part{"stale", func(c *admin.Counters) uint64 { return c.RefusedStale }},
		part{"unreachable", func(c *admin.Counters) uint64 { return c.RefusedUnreachable }},
		part{"draining", func(c *admin.Counters) uint64 { return c.RefusedDraining }},
	)...)
	all = append(all, counters("sessions_ended_total", "Sessions that have ended, by outcome.", "outcome",
		part{"completed", func(c *admin.Counters) uint64 { return c.Completed }},
		part{"declined", func(c *admin.Counters) uint64 { return c.Declined }},
		part{"missing", func(c *admin.Counters) uint64 { return c.Missing }},
		part{"failed", func(c *admin.Counters) uint64 { return c.Failed }},
		part{"timed-out", func(c *admin.Counters) uint64 { return c.TimedOut }},
		part{"crashed", func(c *admin.Counters) uint64 { return c.Crashed }},
		part{"ended", func(c *admin.Counters) uint64 { return c.Ended }},
		part{"expired", func(c *admin.Counters) uint64 { return c.Expired }},
	)...)
	state := describe("state", "1 for the state that the server is in, 0 for the others.", "state")
	for _, name := range []string{"opening", "serving", "draining", "ending"} {
		all = append(all, series{state, prometheus.GaugeValue, []string{name}, func(s *admin.Status) float64 { return float64(flag(s.State == name)) }})
	}
	return all
}
