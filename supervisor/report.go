package supervisor

import (
	"fmt"
	"math"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"brood/protocol"
)

// reportQueue is how many records and log lines may wait for a slow reader.
const reportQueue = 4096

// reportRest is how long the log rests when it is up to date: to be woken for each line
// takes more CPU time than to write it.
const reportRest = 5 * time.Millisecond

// flushGrace is what the log, or a callback, has to take one record when the
// server has ended. Whoever takes none in that time has stopped.
const flushGrace = 3 * time.Second

// reporter writes the log and makes the callbacks, in order, on a goroutine of
// its own. The loop never waits for it.
type reporter struct {
	queue   chan func()
	taken   atomic.Uint64
	lost    atomic.Uint64
	givenUp atomic.Bool
	done    chan struct{}
	log     hclog.Logger
}

func newReporter(log hclog.Logger) *reporter {
	r := &reporter{queue: make(chan func(), reportQueue), done: make(chan struct{}), log: log}
	go func() {
		defer close(r.done)
		for f := range r.queue {
			if !r.givenUp.Load() {
				r.run(f)
			}
			r.taken.Add(1)
			if len(r.queue) == 0 {
				time.Sleep(reportRest)
			}
		}
	}()
	return r
}

// run keeps a panic of a callback from ending the server.
func (r *reporter) run(f func()) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("a stats callback panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	f()
}

// post queues f, or counts it as lost.
func (r *reporter) post(f func()) {
	select {
	case r.queue <- f:
	default:
		r.lost.Add(1)
	}
}

func (r *reporter) logf(level hclog.Level, message string, pairs ...any) {
	if r.log.GetLevel() <= level {
		r.post(func() { r.log.Log(level, message, pairs...) })
	}
}

// finish waits until everything queued has been delivered, and last after it.
// It gives up when nothing was taken for flushGrace, when until has come, or when
// hurried says so: a log that nobody reads must not keep the process. What is
// left then counts as lost, and is not delivered later either.
func (r *reporter) finish(last func(), until time.Time, hurried <-chan struct{}) (all bool) {
	defer close(r.queue)
	room, end := r.queue, make(chan struct{})
	for {
		before := r.taken.Load()
		timer := time.NewTimer(min(time.Until(until), flushGrace))
		select {
		case room <- func() { last(); close(end) }:
			room = nil
			timer.Stop()
			continue
		case <-end:
			timer.Stop()
			return true
		case <-hurried:
			timer.Stop()
		case <-timer.C:
			if r.taken.Load() != before && time.Now().Before(until) {
				continue
			}
		}
		r.givenUp.Store(true)
		r.lost.Add(uint64(len(r.queue)) + 1) // and the one that is under way
		return false
	}
}

// session reports one ended session: a log line, unless it is one too many, then
// the callback.
func (r *reporter) session(s SessionStats, logged bool, suppressed uint64, callback func(SessionStats)) {
	if !logged && callback == nil {
		return
	}
	r.post(func() {
		if logged {
			logSession(r.log, s, suppressed)
		}
		if callback != nil {
			callback(s)
		}
	})
}

func logSession(log hclog.Logger, s SessionStats, suppressed uint64) {
	pairs := []any{
		"peer", s.Peer.String(),
		"file", protocol.Printable(s.File),
		"outcome", s.Outcome.String(),
		"bytes", s.Bytes,
		"duration", round(s.Duration.Seconds(), 1e6), // seconds
		"MB/s", rate(s),
		"blksize", s.Blksize,
		"windowsize", s.Windowsize,
		"retransmissions", s.Retransmissions,
		"worker", s.WorkerPID,
	}
	if s.MAC != "" {
		pairs = append(pairs, "mac", s.MAC)
	}
	if s.Detail != "" {
		pairs = append(pairs, "detail", protocol.Printable(s.Detail))
	}
	if s.ErrorCode != 0 {
		pairs = append(pairs, "error-code", s.ErrorCode)
	}
	if s.Stack != "" {
		pairs = append(pairs, "stack", s.Stack)
	}
	if suppressed > 0 {
		pairs = append(pairs, "suppressed", suppressed)
	}
	level := hclog.Info
	switch s.Outcome {
	case Crashed, Violated:
		level = hclog.Error
	case Aborted, OpenTimeout, TimedOut, Stalled, Overdue, Unserved:
		level = hclog.Warn
	}
	log.Log(level, "session", pairs...)
}

// rate is in megabytes (10^6) per second over the whole session.
func rate(s SessionStats) float64 {
	return round(float64(s.Bytes)/1e6/max(s.Duration.Seconds(), 1e-6), 1e3)
}

// round keeps numbers in the log readable.
func round(v, perUnit float64) float64 { return math.Round(v*perUnit) / perUnit }
