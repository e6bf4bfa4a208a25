// Package integration tests the built brood daemon, and a server with handlers
// that misbehave, from outside.
package integration

import (
	"flag"
	"os"
	"runtime"
	"strconv"
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
	waitTogether()
	os.Exit(harness.Main(m))
}

// waitTogether has more tests run at once than there are processors, unless somebody
// has said how many: most of them wait, for timers of their servers.
func waitTogether() {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	}
}
