package config

import (
	"net/netip"
	"time"

	"brood/supervisor"
)

// Options are the supervisor's, but for what is served and whom it reports to.
func (s *Server) Options() supervisor.Options {
	o := supervisor.Options{
		Listen:               texts(s.Listen),
		PortRange:            supervisor.PortRange(s.PortRange),
		SinglePort:           s.SinglePort,
		Allow:                prefixes(s.Allow),
		Deny:                 prefixes(s.Deny),
		MaxRequestsPerSource: s.MaxRequestsPerSource,
		MaxRequestsPerPrefix: s.MaxRequestsPerPrefix,
		NoPenalties:          s.Penalties == "off",
		User:                 string(s.User),
		RequireSandbox:       s.Sandbox == "require",
		MaxAddressSpace:      int64(s.MaxAddressSpace) << 20,
		WorkersMemory:        int64(s.WorkersMemory),
		WorkersTasks:         s.WorkersTasks,
		MinIdle:              int(s.MinIdle),
		MaxIdle:              s.MaxIdle,
		MaxSessions:          s.MaxSessions,
		MaxSessionsPerSource: s.MaxSessionsPerSource,
		SessionsPerWorker:    s.SessionsPerWorker,
		Timeout:              time.Duration(s.Timeout),
		Retries:              int(s.Retries),
		MaxBlksize:           s.MaxBlksize,
		NoMTUClamp:           s.MTUClamp == "off",
		MaxWindowsize:        s.MaxWindowsize,
		MaxBurst:             s.MaxBurst,
		StallTimeout:         time.Duration(s.StallTimeout),
		MaxSessionTime:       time.Duration(s.MaxSessionTime),
		StatsInterval:        time.Duration(s.StatsInterval),
		Admin:                supervisor.Admin{Path: string(s.Admin), Group: string(s.AdminGroup)},
	}
	if s.Sandbox == "off" {
		o.Sandbox = supervisor.SandboxOff
	}
	return o
}

func texts[T ~string](from []T) (to []string) {
	for _, v := range from {
		to = append(to, string(v))
	}
	return to
}

func prefixes(from []Prefix) (to []netip.Prefix) {
	for _, p := range from {
		to = append(to, netip.Prefix(p))
	}
	return to
}
