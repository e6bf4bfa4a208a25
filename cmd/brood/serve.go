package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/go-hclog"

	"brood/cmd/internal/config"
	"brood/supervisor"
)

const usageHead = `brood serve answers TFTP read requests with the files under a directory, or with
what a configuration file says.

Usage:
  brood serve --root DIR [flags]
  brood serve --config FILE [flags]

`

const usageTail = `
Signals:
  SIGTERM, SIGINT        drain: close the ports, let sessions finish for up to
                         30 s; a second one ends them now
  SIGHUP                 reload: read the file and look the directories up anew;
                         sessions that begin later are served as they say
  SIGUSR2                upgrade: start the executable anew, with the same
                         arguments; it takes the ports over when it is ready

Exit codes:
  0  drained
  1  could not start; the reason is the last thing on standard error
  2  wrong arguments
`

const serveUsage = usageHead + "%s" + usageTail

func serve(args []string, stdout, stderr io.Writer) int {
	src, err := parseArgs(args)
	if errors.Is(err, errHelp) {
		fmt.Fprintf(stdout, serveUsage, config.Help)
		return exitOK
	}
	if err != nil {
		return usageError(stderr, err)
	}
	exact := supervisor.RelaxTimers()
	s, o, err := src.load()
	if err != nil {
		s := new(config.Server)
		s.Apply(src.flags) // they were read before
		return src.failed(s, stderr, err)
	}
	log := newLog(stderr, s.LogFormat == "json", s.LogLevel.Level())
	if exact != nil {
		log.Debug("timers stay as exact as they are, which takes CPU time", "error", exact)
	}
	report := func(o *supervisor.Options) {
		o.Logger = log
		o.OnServerStats = func(s supervisor.ServerStats) { logStats(log, s) }
	}
	report(&o)
	if o.Manager, err = supervisor.FromManager(); err != nil {
		return src.failed(s, stderr, err)
	}
	o.Admin.Reload = func() (supervisor.Options, error) {
		next, o, err := src.load()
		if err != nil {
			return o, err
		}
		if next.LogFormat != s.LogFormat {
			log.Warn("log-format has changed: it takes a restart, or an upgrade (SIGUSR2), to be in force")
		}
		log.SetLevel(next.LogLevel.Level())
		report(&o)
		return o, nil
	}
	sup, err := supervisor.New(o)
	if err == nil {
		err = runUntilSignal(sup, log, o.Admin.Reload)
	}
	if err != nil {
		return src.failed(s, stderr, err)
	}
	return exitOK
}

// failed says why the server does not serve, in the format of its log.
func (src *source) failed(s *config.Server, stderr io.Writer, err error) int {
	var options *supervisor.OptionsError
	var arguments *argumentError
	switch {
	case src.start.Config == "" && errors.As(err, &options), errors.As(err, &arguments):
		return usageError(stderr, err)
	case s.LogFormat == "json":
		hclog.New(&hclog.LoggerOptions{Name: "brood", Output: stderr, JSONFormat: true}).Error("can't serve", "error", err)
	default:
		fmt.Fprintf(stderr, "brood serve: %v\n", err) // without a logger's quotes around quotes
	}
	return exitError
}

func usageError(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "brood serve: %v\nTry brood serve --help.\n", err)
	return exitUsage
}
