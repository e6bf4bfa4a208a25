// Package integration tests the built brood daemon, and a server with handlers
// that misbehave, from outside.
package integration

import (
	"os"
	"testing"

	"brood/test/harness"
	"brood/worker"
)

// TestMain makes this executable three things: the tests, the server with the
// misbehaving handlers (when serverEnv is set), and that server's workers.
func TestMain(m *testing.M) {
	if code, ok := worker.Dispatch(newMisbehaving, worker.Options{OpenTimeout: openTimeout}); ok {
		os.Exit(code)
	}
	if os.Getenv(serverEnv) != "" {
		os.Exit(runServer())
	}
	os.Exit(harness.Main(m))
}
