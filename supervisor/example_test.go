package supervisor_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"brood/supervisor"
	"brood/worker"
	"brood/worker/files"
)

// A server of static files that prints what it did: fbtftp's first example. In
// fbtftp the handler runs in the listener's process; here it is made and run in
// a worker, and only the callbacks run beside the port.
func Example() {
	main := func() {
		// In a worker this serves one session; user code begins and ends here.
		newHandler := func(config []byte) (worker.Handler, error) { return files.Open(string(config)) }
		if code, ok := worker.Dispatch(newHandler, worker.Options{}); ok {
			os.Exit(code)
		}

		sup, err := supervisor.New(supervisor.Options{
			Listen:    []string{":69"},
			Config:    []byte("/srv/tftp"),
			ReadPaths: []string{"/srv/tftp"}, // all of the file system that a worker may see
			Retries:   3,
			Timeout:   2 * time.Second,
			OnSessionStats: func(s supervisor.SessionStats) {
				fmt.Printf("%v got %q: %v, %d bytes in %v, %d retransmissions\n",
					s.Peer, s.File, s.Outcome, s.Bytes, s.Duration, s.Retransmissions)
			},
			OnServerStats: func(s supervisor.ServerStats) {
				fmt.Printf("%d sessions, %d of them complete, %d running\n", s.Started, s.Completed, s.Active)
			},
			StatsInterval: time.Minute,
		})
		if err == nil {
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			err = sup.Run(ctx)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	_ = main
}

// A service manager passes sockets, is told when the server is ready, and asks for a
// reload by SIGHUP and an upgrade by SIGUSR2.
func ExampleSupervisor_Reload() {
	options := func() (supervisor.Options, error) {
		config, err := os.ReadFile("/etc/own.conf") // whatever newHandler understands
		return supervisor.Options{Config: config, ReadPaths: []string{"/srv/tftp"}}, err
	}
	main := func() error {
		o, err := options()
		if err != nil {
			return err
		}
		if o.Manager, err = supervisor.FromManager(); err != nil {
			return err
		}
		sup, err := supervisor.New(o)
		if err != nil {
			return err
		}
		signals := make(chan os.Signal, 8)
		signal.Notify(signals, syscall.SIGHUP, syscall.SIGUSR2)
		go func() {
			for s := range signals {
				if s == syscall.SIGUSR2 {
					sup.Upgrade()
				} else {
					sup.Reload(options, func(error) {}) // the log says what came of it
				}
			}
		}()
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		return sup.Run(ctx)
	}
	_ = main
}

// A helper does for workers what they may not do themselves, as an account of its own;
// the server keeps it running.
func ExampleHelper() {
	_ = supervisor.Options{Helpers: []supervisor.Helper{{
		Name: "mirror",
		Path: "/usr/libexec/own-mirror",
		Args: []string{"--quiet"},
		Dir:  "/var/cache/own-mirror", // made for its account, if it is not there
	}}}
}
