package route_test

import (
	"context"
	"os"
	"testing"

	"brood/worker"
	"brood/worker/route"
)

// TestMain is a server's main, too: its configuration is a table.
func TestMain(m *testing.M) {
	newHandler := func(config []byte) (worker.Handler, error) {
		return route.Open(config, map[string]worker.Handler{route.Default: worker.HandlerFunc(echo)})
	}
	if code, ok := worker.Dispatch(newHandler, worker.Options{}); ok {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// echo serves the name that it is asked for.
func echo(_ context.Context, req *worker.Request) (worker.Response, error) {
	return worker.Bytes([]byte(req.File)), nil
}
