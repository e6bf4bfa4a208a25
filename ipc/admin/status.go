package admin

import "time"

// Status is how the server is.
type Status struct {
	Program string    `json:"program"` // what the server calls itself
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`  // when it began
	Uptime  float64   `json:"uptime"` // seconds

	State      string  `json:"state"`                // opening, serving, draining or ending
	DrainLeft  float64 `json:"drain-left,omitempty"` // seconds until sessions that still run are told to end
	Reloading  bool    `json:"reloading"`
	Unreloaded bool    `json:"reload-failed"` // the last reload: what was in force before it still is
	Upgrading  bool    `json:"upgrading"`
	Generation uint64  `json:"generation"` // of the configuration: 1, and one more with each reload
	Config     string  `json:"config"`     // the file's path; empty: there is none
	LogLevel   string  `json:"log-level"`
	Sandbox    string  `json:"sandbox"` // the level of the workers, and what of it the kernel can't give

	Listeners []string `json:"listeners"`
	Rules     []Rule   `json:"rules"`   // that operators have made for a time
	Clients   int      `json:"clients"` // of the admin socket, this one included

	Active      int `json:"active"`       // sessions running
	Waiting     int `json:"waiting"`      // requests waiting for a worker
	Idle        int `json:"idle"`         // workers waiting for a request
	Starting    int `json:"starting"`     // workers on their way
	MaxSessions int `json:"max-sessions"` // that run at once

	Counters Counters `json:"counters"`

	// Of the sessions that a worker had and that have ended, since the server's start.
	Durations    Histogram `json:"durations"`     // seconds from the request to the end
	FirstAnswers Histogram `json:"first-answers"` // seconds from the request to the first packet of the answer, if there was one
	Rates        Histogram `json:"rates"`         // bytes a second from then on, of complete ones of 64 KiB and more
}

// Histogram says how many of something there were, by their size.
type Histogram struct {
	Bounds []float64 `json:"bounds"` // rising; each is the largest that it counts
	Counts []uint64  `json:"counts"` // for each bound those that are above the one before; at last those above all
	Sum    float64   `json:"sum"`    // of all
}

// Besides is what goes on besides its State, in words for people.
func (s *Status) Besides() (all []string) {
	if s.Reloading {
		all = append(all, "reloading")
	}
	if s.Unreloaded {
		all = append(all, "the last reload failed")
	}
	if s.Upgrading {
		all = append(all, "upgrading")
	}
	return all
}

// Rule says for a time who is served, whatever the configuration says.
type Rule struct {
	Prefix string    `json:"prefix"`
	Allow  bool      `json:"allow"` // or it is denied
	Until  time.Time `json:"until"`
	Left   float64   `json:"left"` // seconds
}

// Counters are since the server's start, by the names that they have in its log.
type Counters struct {
	Requests   uint64 `json:"requests"` // datagrams read from the ports
	Started    uint64 `json:"started"`  // sessions given to a worker
	Completed  uint64 `json:"completed"`
	Declined   uint64 `json:"declined"`
	Missing    uint64 `json:"missing"` // answered with ERROR 1: there is no such file
	Failed     uint64 `json:"failed"`
	TimedOut   uint64 `json:"timed-out"`
	Crashed    uint64 `json:"crashed"`
	Ended      uint64 `json:"ended"` // superseded, drained and killed
	Expired    uint64 `json:"expired"`
	Duplicates uint64 `json:"duplicates"` // repeated requests
	Ignored    uint64 `json:"ignored"`    // datagrams that are no request

	RefusedMalformed   uint64 `json:"refused-malformed"`
	RefusedWrite       uint64 `json:"refused-write"`
	RefusedDenied      uint64 `json:"refused-denied"`
	RefusedTooOften    uint64 `json:"refused-too-often"`
	RefusedPenalised   uint64 `json:"refused-penalised"`
	RefusedFailing     uint64 `json:"refused-failing"`
	RefusedQueueFull   uint64 `json:"refused-queue-full"`
	RefusedCrowded     uint64 `json:"refused-crowded"`
	RefusedStale       uint64 `json:"refused-stale"`
	RefusedUnreachable uint64 `json:"refused-unreachable"`
	RefusedDraining    uint64 `json:"refused-draining"`

	Bytes           uint64 `json:"bytes"` // of content, acknowledged, in sessions that have ended
	Packets         uint64 `json:"packets"`
	Retransmissions uint64 `json:"retransmissions"`

	WorkersStarted uint64 `json:"workers-started"`
	WorkerFailures uint64 `json:"worker-failures"`
	KernelDrops    uint64 `json:"kernel-drops"`
	ReportsLost    uint64 `json:"reports-lost"`
	ClientsLost    uint64 `json:"clients-lost"` // of the admin socket, who did not read what they had asked for
}
