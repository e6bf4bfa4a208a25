// This is a server of somebody else's: it imports brood as any module does, and its
// handlers are compiled into its own binary. It serves a directory, a boot script that
// is made for each machine, and files that lie compressed on the disk.
package main

import (
	"brood/supervisor"
	"brood/worker"
	"brood/worker/files"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/hashicorp/go-hclog"
)

// newHandler is called in every worker, with what the supervisor was given.
func newHandler(config []byte) (worker.Handler, error) {
	root := string(config)
	plain, err := files.Open(root)
	if err != nil {
		return nil, err
	}
	packed, err := openPacked(root)
	if err != nil {
		return nil, err
	}
	return worker.HandlerFunc(func(ctx context.Context, req *worker.Request) (worker.Response, error) {
		switch {
		case strings.HasPrefix(req.File, "boot/"):
			return script(ctx, req)
		case strings.HasPrefix(req.File, "packed/"):
			return packed.Open(ctx, req)
		}
		return plain.Open(ctx, req)
	}), nil
}

func main() {
	// In a worker this serves one session; all that follows is the supervisor's.
	if code, ok := worker.Dispatch(newHandler, worker.Options{}); ok {
		os.Exit(code)
	}
	root := flag.String("root", "/srv/tftp", "what is served")
	listen := flag.String("listen", ":69", "where")
	flag.Parse()
	log := hclog.New(&hclog.LoggerOptions{Name: "own", JSONFormat: true})
	sup, err := supervisor.New(supervisor.Options{
		Listen:    []string{*listen},
		Config:    []byte(*root),
		ReadPaths: []string{*root},
		Logger:    log,
		OnSessionStats: func(s supervisor.SessionStats) {
			log.Info("served", "file", s.File, "outcome", s.Outcome.String(), "bytes", s.Bytes)
		},
	})
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		err = sup.Run(ctx)
	}
	var wrong *supervisor.OptionsError
	if errors.As(err, &wrong) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err != nil {
		log.Error("can't serve", "error", err)
		os.Exit(1)
	}
}
