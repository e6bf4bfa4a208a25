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
