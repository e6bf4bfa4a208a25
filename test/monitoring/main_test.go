// Package monitoring has Debian's Prometheus scrape a live server's console, and tries
// what cmd/broodctl/monitoring gives to operators: alerting rules and a dashboard.
package monitoring

import (
	"context"
	"io/fs"
	"os"
	"strings"
	"testing"

	"brood/supervisor"
	"brood/test/harness"
	"brood/worker"
)

// adminEnv makes this executable a server with a socket there, whose handler crashes.
const adminEnv = "BROOD_TEST_ADMIN"

func TestMain(m *testing.M) {
	if code, ok := worker.Dispatch(newHandler, worker.Options{}); ok {
		os.Exit(code)
	}
	if path := os.Getenv(adminEnv); path != "" {
		os.Exit(harness.Run(supervisor.Options{Admin: supervisor.Admin{Path: path, Program: "brood 1.0"}}))
	}
	os.Exit(harness.Main(m))
}

func newHandler([]byte) (worker.Handler, error) {
	return worker.HandlerFunc(func(_ context.Context, req *worker.Request) (worker.Response, error) {
		if strings.HasPrefix(req.File, "panic") {
			panic("the handler broke")
		}
		return nil, fs.ErrNotExist
	}), nil
}

// given is the folder of what operators get.
const given = "../../cmd/broodctl/monitoring/"

// read is the text of a file there.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(given + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// find returns the path of a program of Debian's package prometheus.
func find(t *testing.T, program string) string {
	t.Helper()
	return harness.Tool(t, program, "../../.tools/prometheus", "test/monitoring/install-prometheus")
}
