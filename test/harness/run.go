package harness

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/go-hclog"

	"brood/supervisor"
)

// SinglePort says that servers answer from the port that they are asked at: make
// test runs the tests of the built binary in both modes. It looks anew each time,
// or go test would not know that a result depends on it.
func SinglePort() bool { return os.Getenv(SinglePortEnv) != "" }

// SinglePortEnv is the variable that says so.
const SinglePortEnv = "BROOD_TEST_SINGLE_PORT"

// Run is the main function of a test's own server, one for Start: it logs JSON to
// standard error, drains at the first SIGTERM and hurries at the second, and
// returns the exit code.
func Run(o supervisor.Options) int {
	log := hclog.New(&hclog.LoggerOptions{JSONFormat: true, Output: os.Stderr, Level: hclog.Debug})
	o.Listen, o.Logger, o.SinglePort = []string{"127.0.0.1:0"}, log, SinglePort()
	o.OnSessionStats = func(s supervisor.SessionStats) {
		log.Info("record", "file", s.File, "outcome", s.Outcome.String(),
			"waited", s.Waited.Seconds(), "first-sent", s.FirstSent.Seconds(), "duration", s.Duration.Seconds())
	}
	o.OnServerStats = func(s supervisor.ServerStats) {
		log.Info("stats", "started", s.Started, "completed", s.Completed, "failed", s.Failed, "crashed", s.Crashed,
			"ended", s.Ended, "expired", s.Expired, "failing", s.Refused.Failing, "penalised", s.Refused.Penalised,
			"failures", s.WorkerFailures, "active", s.Active, "waiting", s.Waiting, "idle", s.Idle, "starting", s.Starting, "sandbox", s.Sandbox)
	}
	sup, err := supervisor.New(o)
	if err == nil {
		ctx, cancel := context.WithCancel(context.Background())
		signals := make(chan os.Signal, 2)
		signal.Notify(signals, syscall.SIGTERM)
		go func() {
			<-signals
			cancel()
			<-signals
			sup.Hurry()
		}()
		err = sup.Run(ctx)
	}
	if err != nil {
		log.Error("can't serve", "error", err)
		return 1
	}
	return 0
}
