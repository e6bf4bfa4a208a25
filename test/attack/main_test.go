// Package attack is about handlers that a client has taken over: what each try of
// theirs meets, what its client gets, what log and counters say, and that others
// notice nothing. `make attack` prints the table.
package attack

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"brood/ipc"
	"brood/supervisor"
	"brood/test/harness"
	"brood/worker"
)

// serverEnv makes this test binary a server at that sandbox level; rootEnv is
// all that its workers may read.
const (
	serverEnv = "BROOD_TEST_SERVER"
	rootEnv   = "BROOD_TEST_ROOT"
)

var printTable = flag.Bool("table", false, "print what came of each attack")

func TestMain(m *testing.M) {
	if code, ok := worker.Dispatch(newHandler, worker.Options{OpenTimeout: 3 * time.Second}); ok {
		os.Exit(code)
	}
	if os.Getenv(ipc.RoleEnv) == ipc.RoleHelper {
		os.Exit(help())
	}
	if level := os.Getenv(serverEnv); level != "" {
		o := supervisor.Options{
			Config:          []byte(os.Getenv(rootEnv)),
			ReadPaths:       []string{os.Getenv(rootEnv)},
			RequireSandbox:  true,
			MaxAddressSpace: 2 << 30, // what a worker can start in
			MinIdle:         4,
			Helpers:         []supervisor.Helper{{Name: "helper", Path: "/proc/self/exe", Workers: true}},
		}
		if level == supervisor.SandboxExec.String() {
			o.Sandbox = supervisor.SandboxExec
		}
		os.Exit(harness.Run(o))
	}
	flag.Parse()
	code := harness.Main(m)
	if *printTable {
		rows.print()
	}
	os.Exit(code)
}

// table collects what came of the attacks.
type table [][]string

var rows = make(table, len(attacks))

func (t table) print() {
	fmt.Println("| attack | refused by | its client got | the log | counted as |")
	fmt.Println("|---|---|---|---|---|")
	for _, row := range t {
		if row != nil {
			fmt.Println("| " + strings.ReplaceAll(strings.Join(row, " | "), "\n", " ") + " |")
		}
	}
}
