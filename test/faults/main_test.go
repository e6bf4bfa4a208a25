package faults

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"brood/supervisor"
	"brood/test/harness"
	"brood/worker"
)

// serverEnv makes this test binary a server with the handler of handler_test.go.
const serverEnv = "BROOD_TEST_SERVER"

var full = flag.Bool("full", false, "on the scale of `make faults`, and print the table")

func TestMain(m *testing.M) {
	newHandler := func([]byte) (worker.Handler, error) { return worker.HandlerFunc(misbehave), nil }
	if code, ok := worker.Dispatch(newHandler, worker.Options{}); ok {
		os.Exit(code)
	}
	if os.Getenv(serverEnv) != "" {
		os.Exit(harness.Run(supervisor.Options{MinIdle: 4, Sandbox: supervisor.SandboxOff, StallTimeout: stallTimeout}))
	}
	flag.Parse()
	code := harness.Main(m)
	if missing := rows.unwritten(); len(missing) > 0 {
		fmt.Printf("README.md has no row of %q\n", missing)
		code = 1
	}
	if *full {
		rows.print()
	}
	os.Exit(code)
}

// scale is how much of something a run takes.
func scale(small, large int) int {
	if *full {
		return large
	}
	return small
}

// row is one fault: what was done, what the clients got, and what the log and the
// counters say.
type row struct{ fault, done, clients, told string }

var rows table

type table struct {
	mu   sync.Mutex
	rows []row
}

func (tb *table) add(r row) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.rows = append(tb.rows, r)
}

// unwritten are the faults that README.md's table lacks.
func (tb *table) unwritten() (missing []string) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		return []string{err.Error()}
	}
	for _, r := range tb.rows {
		if !strings.Contains(string(text), "\n| "+r.fault+" | ") {
			missing = append(missing, r.fault)
		}
	}
	return missing
}

// print has the faults in the order in which the package has their tests.
func (tb *table) print() {
	fmt.Println("| fault | done | the clients | log and counters |\n|---|---|---|---|")
	for _, r := range tb.rows {
		fmt.Println("| " + strings.Join([]string{r.fault, r.done, r.clients, r.told}, " | ") + " |")
	}
}

// misbehaving is the server with the handler of handler_test.go.
func misbehaving(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(harness.Self(t))
	cmd.Env = append(os.Environ(), serverEnv+"=1")
	return cmd
}

func serveMisbehaving(t *testing.T) *harness.Server {
	t.Helper()
	return harness.Start(t, misbehaving(t))
}
