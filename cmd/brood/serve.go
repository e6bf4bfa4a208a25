package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"brood/supervisor"
)

const serveUsage = `brood serve answers TFTP read requests with the files under a directory.

Usage:
  brood serve --root DIR [flags]

What is served:
  --root DIR             the directory; nothing outside it is ever opened
  --follow DIR           a further tree that symbolic links under the root may
                         lead to; may be given more than once
Where:
  --listen ADDR          ADDRESS:PORT, [ADDRESS]:PORT or :PORT (every address),
                         or fd:NAME, sockets of this name from systemd; may be
                         given more than once (default :69, or systemd's sockets)
  --port-range LO-HI     answer from these ports only, for firewalls
                         (default: the kernel's ephemeral ports)
  --single-port          answer from the port that was asked, for firewalls and
                         NATs that let nothing else through; then who can send
                         in a client's name can also end its sessions
Who is served:
  --allow PREFIX         clients of this network, or of this address; the longest
                         prefix that a client is in decides, and with any --allow
                         who is in none is refused; may be given more than once
  --deny PREFIX          refuse these; may be given more than once
  --max-requests-per-source N
                         requests a second of one client address, as a mean over
                         10 s; further ones are dropped (default: any number)
  --max-requests-per-prefix N
                         the same for the /24 of an IPv4 address and the /64 of an
                         IPv6 one
  --penalties on|off     do not hear a client for a while that crashes one session
                         after the other (default on; off for machines behind
                         one NAT)
Processes:
  --user NAME            run workers under this account, by name or number
                         (default nobody when started as root)
  --sandbox on|require|off
                         keep workers from all but reading these directories and
                         answering their client, as far as the kernel can;
                         require: or else refuse to start (default on)
  --max-address-space N  address space of a worker at most, in MiB, of which the
                         Go runtime reserves about 1200 (default 4096; 0: any)
  --min-idle N           idle workers that wait ahead of demand
                         (default 2 per CPU; 0: none, an exec per request)
  --max-idle N           idle workers at most; in between their number follows
                         demand (default 4 times --min-idle)
  --max-sessions N       sessions at once; further requests wait (default 1024)
  --max-sessions-per-source N
                         sessions of one client address at once; its further
                         requests wait, and others pass them (default half of
                         --max-sessions, or 64; for machines behind one NAT
                         give it --max-sessions)
  --sessions-per-worker N
                         sessions that a worker may serve in its life, one after
                         the other, 1 to 10000 (default 1); more save an exec
                         each, but the process's memory is not wiped between
                         two sessions, and a handler that a client has taken
                         over is there for the next
Protocol:
  --timeout D            wait for an ACK before sending again, 10ms to 255s;
                         doubles with each try (default 1s)
  --retries N            send again at most N times, or as long as that takes
                         where the round trip is known (default 5; 0: never)
  --max-blksize N        largest block that a client can negotiate, in bytes,
                         8 to 65464 (default 65464)
  --mtu-clamp on|off     keep blocks within the MTU of the route to the client, so
                         that none goes in fragments (default on)
  --max-windowsize N     largest window that a client can negotiate, in blocks,
                         1 to 65535 (default 64; 1: lock-step only)
  --max-burst N          blocks of a window that go to the kernel at once, for
                         links that lose long trains (default: the window)
  --stall-timeout D      end a session in which nothing new was acknowledged for
                         so long, 2s or more (default 10m; 0: never)
  --max-session-time D   end a session that takes longer (default 24h; 0: never)
Reports:
  --log-format FORMAT    text or json, to standard error (default text)
  --log-level LEVEL      trace, debug, info, warn or error (default info)
  --stats-interval D     log the server's counters this often (default 1m)

Signals:
  SIGTERM, SIGINT        drain: close the ports, let sessions finish for up to
                         30 s; a second one ends them now
  SIGHUP                 reload: look the directories up anew; sessions that
                         begin later are served by workers that see them so
  SIGUSR2                upgrade: start the executable anew, with the same
                         arguments; it takes the ports over when it is ready

Exit codes:
  0  drained
  1  could not start; the reason is the last line on standard error
  2  wrong arguments
`

// serveFlags are the command line of serve.
type serveFlags struct {
	root, user, logFormat, logLevel, portRange string
	mtuClamp, sandbox, penalties               string
	singlePort                                 bool
	listen, follow                             []string
	allow, deny                                []netip.Prefix
	maxRequestsPerSource, maxRequestsPerPrefix int // a second
	minIdle, maxIdle, maxSessions, retries     int
	sessionsPerWorker, maxSessionsPerSource    int
	maxBlksize, maxWindowsize, maxBurst        int
	maxAddressSpace                            int // MiB
	timeout, statsInterval                     time.Duration
	stallTimeout, maxSessionTime               time.Duration
}

// errHelp says that the usage was asked for and has been printed.
var errHelp = errors.New("help")

func parseServe(args []string, stdout io.Writer) (*serveFlags, error) {
	var f serveFlags
	set := flag.NewFlagSet("serve", flag.ContinueOnError)
	set.SetOutput(io.Discard) // the error comes back; it is printed once
	list := func(to *[]string) func(string) error {
		return func(v string) error { *to = append(*to, v); return nil }
	}
	set.StringVar(&f.root, "root", "", "")
	set.Func("follow", "", list(&f.follow))
	set.Func("listen", "", list(&f.listen))
	prefixes := func(to *[]netip.Prefix) func(string) error {
		return func(v string) error {
			p, err := supervisor.ParsePrefix(v)
			*to = append(*to, p)
			return err
		}
	}
	set.Func("allow", "", prefixes(&f.allow))
	set.Func("deny", "", prefixes(&f.deny))
	set.IntVar(&f.maxRequestsPerSource, "max-requests-per-source", 0, "")
	set.IntVar(&f.maxRequestsPerPrefix, "max-requests-per-prefix", 0, "")
	set.StringVar(&f.portRange, "port-range", "", "")
	set.BoolVar(&f.singlePort, "single-port", false, "")
	set.StringVar(&f.user, "user", "", "")
	set.StringVar(&f.sandbox, "sandbox", "on", "")
	set.IntVar(&f.maxAddressSpace, "max-address-space", 0, "")
	set.IntVar(&f.minIdle, "min-idle", 0, "")
	set.IntVar(&f.maxIdle, "max-idle", 0, "")
	set.IntVar(&f.maxSessions, "max-sessions", 0, "")
	set.IntVar(&f.maxSessionsPerSource, "max-sessions-per-source", 0, "")
	set.IntVar(&f.sessionsPerWorker, "sessions-per-worker", 0, "")
	set.DurationVar(&f.timeout, "timeout", 0, "")
	set.IntVar(&f.retries, "retries", 0, "")
	set.IntVar(&f.maxBlksize, "max-blksize", 0, "")
	set.StringVar(&f.penalties, "penalties", "on", "")
	set.StringVar(&f.mtuClamp, "mtu-clamp", "on", "")
	set.IntVar(&f.maxWindowsize, "max-windowsize", 0, "")
	set.IntVar(&f.maxBurst, "max-burst", 0, "")
	set.DurationVar(&f.stallTimeout, "stall-timeout", 0, "")
	set.DurationVar(&f.maxSessionTime, "max-session-time", 0, "")
	set.StringVar(&f.logFormat, "log-format", "text", "")
	set.StringVar(&f.logLevel, "log-level", "info", "")
	set.DurationVar(&f.statsInterval, "stats-interval", 0, "")
	err := set.Parse(args)
	set.Visit(func(given *flag.Flag) {
		// In Options zero is the default and -1 is none; here 0 says what it means.
		if v, ok := map[string]*int{"min-idle": &f.minIdle, "retries": &f.retries, "max-address-space": &f.maxAddressSpace}[given.Name]; ok && *v == 0 {
			*v = -1
		}
		if v, ok := map[string]*time.Duration{"stall-timeout": &f.stallTimeout, "max-session-time": &f.maxSessionTime}[given.Name]; ok && *v == 0 {
			*v = -1
		}
	})
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, serveUsage)
		return nil, errHelp
	case err != nil:
		return nil, err
	case set.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", set.Arg(0))
	case f.root == "":
		return nil, errors.New("--root DIR is missing: which directory is to be served?")
	case f.logFormat != "text" && f.logFormat != "json":
		return nil, fmt.Errorf("--log-format %q: want text or json", f.logFormat)
	case f.mtuClamp != "on" && f.mtuClamp != "off":
		return nil, fmt.Errorf("--mtu-clamp %q: want on or off", f.mtuClamp)
	case f.penalties != "on" && f.penalties != "off":
		return nil, fmt.Errorf("--penalties %q: want on or off", f.penalties)
	case f.sandbox != "on" && f.sandbox != "require" && f.sandbox != "off":
		return nil, fmt.Errorf("--sandbox %q: want on, require or off", f.sandbox)
	case hclog.LevelFromString(f.logLevel) == hclog.NoLevel:
		return nil, fmt.Errorf("--log-level %q: want trace, debug, info, warn or error", f.logLevel)
	}
	return &f, nil
}

// options turns the flags into the supervisor's. Workers run in /, so paths
// become absolute here.
func (f *serveFlags) options(log hclog.Logger) (supervisor.Options, error) {
	o := supervisor.Options{
		Listen:               f.listen,
		SinglePort:           f.singlePort,
		User:                 f.user,
		RequireSandbox:       f.sandbox == "require",
		MaxAddressSpace:      int64(f.maxAddressSpace) << 20,
		MinIdle:              f.minIdle,
		MaxIdle:              f.maxIdle,
		MaxSessions:          f.maxSessions,
		MaxSessionsPerSource: f.maxSessionsPerSource,
		MaxRequestsPerSource: f.maxRequestsPerSource,
		MaxRequestsPerPrefix: f.maxRequestsPerPrefix,
		Allow:                f.allow,
		Deny:                 f.deny,
		NoPenalties:          f.penalties == "off",
		Timeout:              f.timeout,
		SessionsPerWorker:    f.sessionsPerWorker,
		Retries:              f.retries,
		MaxBlksize:           f.maxBlksize,
		NoMTUClamp:           f.mtuClamp == "off",
		MaxWindowsize:        f.maxWindowsize,
		MaxBurst:             f.maxBurst,
		StallTimeout:         f.stallTimeout,
		MaxSessionTime:       f.maxSessionTime,
		StatsInterval:        f.statsInterval,
		OnServerStats:        func(s supervisor.ServerStats) { logStats(log, s) },
		Logger:               log,
	}
	if f.sandbox == "off" {
		o.Sandbox = supervisor.SandboxOff
	}
	if f.portRange != "" {
		r, err := supervisor.ParsePortRange(f.portRange)
		if err != nil {
			return o, fmt.Errorf("--port-range: %w", err)
		}
		o.PortRange = r
	}
	root, err := filepath.Abs(f.root)
	if err != nil {
		return o, fmt.Errorf("--root: %w", err)
	}
	follow := make([]string, len(f.follow))
	for i, dir := range f.follow {
		if dir == "" {
			return o, errors.New("--follow: which directory?")
		}
		if follow[i], err = filepath.Abs(dir); err != nil {
			return o, fmt.Errorf("--follow: %w", err)
		}
	}
	for _, path := range append([]string{root}, follow...) {
		if strings.Contains(path, "\x00") {
			return o, fmt.Errorf("%q: a path can't hold NUL", path)
		}
	}
	o.Config = encodeConfig(root, follow)
	o.ReadPaths = append([]string{root}, follow...)
	return o, nil
}

func serve(args []string, stdout, stderr io.Writer) int {
	f, err := parseServe(args, stdout)
	if errors.Is(err, errHelp) {
		return exitOK
	}
	if err != nil {
		return usageError(stderr, err)
	}
	log := newLog(stderr, f.logFormat, f.logLevel)
	o, err := f.options(log)
	if err != nil {
		return usageError(stderr, err)
	}
	if o.Manager, err = supervisor.FromManager(); err != nil {
		return failed(f, log, stderr, err)
	}
	sup, err := supervisor.New(o)
	var wrong *supervisor.OptionsError
	if errors.As(err, &wrong) {
		return usageError(stderr, err)
	}
	if err == nil {
		err = runUntilSignal(sup, log, f)
	}
	if err != nil {
		return failed(f, log, stderr, err)
	}
	return exitOK
}

func failed(f *serveFlags, log hclog.Logger, stderr io.Writer, err error) int {
	if f.logFormat == "json" {
		log.Error("can't serve", "error", err)
	} else {
		fmt.Fprintf(stderr, "brood serve: %v\n", err) // without a logger's quotes around quotes
	}
	return exitError
}

func usageError(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "brood serve: %v\nTry brood serve --help.\n", err)
	return exitUsage
}

// runUntilSignal serves until the first SIGTERM or SIGINT; a second one hurries
// the drain. SIGUSR2 upgrades; SIGHUP reloads what the flags name.
func runUntilSignal(sup *supervisor.Supervisor, log hclog.Logger, f *serveFlags) error {
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
				continue
			}
			sup.Reload(func() (supervisor.Options, error) { return f.options(log) }, func(error) {}) // the log says what came of it
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
