package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/go-hclog"

	"brood/supervisor"
)

// runUntilSignal serves until the first SIGTERM or SIGINT; a second one hurries
// the drain. SIGUSR2 upgrades; SIGHUP reloads.
func runUntilSignal(sup *supervisor.Supervisor, log hclog.Logger, load func() (supervisor.Options, error)) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGPIPE) // a closed log must not end the server
	others := make(chan os.Signal, 8)
	signal.Notify(others, syscall.SIGUSR2, syscall.SIGHUP)
	go func() { // ends with the process
		for s := range others {
			if s == syscall.SIGUSR2 {
				sup.Upgrade()
			} else {
				sup.Reload(load, func(error) {}) // the log says what came of it
			}
		}
	}()
	go func() { // ends with the process
		// Act first, and let the words wait by themselves: the log may be a pipe that
		// is full and that nobody reads.
		first := <-signals
		cancel()
		go log.Info("stopping", "signal", first.String())
		second := <-signals
		sup.Hurry()
		go log.Info("stopping now", "signal", second.String())
	}()
	return sup.Run(ctx)
}
