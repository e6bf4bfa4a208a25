// Package programs is about handlers that run programs (worker/exec), in a real
// server with its sandbox.
package programs

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"brood/supervisor"
	"brood/test/harness"
	"brood/worker"
	"brood/worker/exec"
)

// configEnv makes this test binary a server; it holds exec.Options. rootEnv is all
// that its workers may read.
const (
	configEnv = "BROOD_TEST_CONFIG"
	rootEnv   = "BROOD_TEST_ROOT"
)

func TestMain(m *testing.M) {
	if code, ok := worker.Dispatch(newHandler, worker.Options{OpenTimeout: time.Minute}); ok {
		os.Exit(code)
	}
	if config := os.Getenv(configEnv); config != "" {
		o := supervisor.Options{
			Config:            []byte(config),
			ReadPaths:         []string{os.Getenv(rootEnv)},
			Sandbox:           supervisor.SandboxExec,
			RequireSandbox:    true,
			MinIdle:           1,
			SessionsPerWorker: 100,
		}
		if harness.Race() {
			o.Sandbox, o.RequireSandbox = supervisor.SandboxOff, false
		}
		os.Exit(harness.Run(o))
	}
	os.Exit(harness.Main(m))
}

func newHandler(config []byte) (worker.Handler, error) {
	var o exec.Options
	if err := json.Unmarshal(config, &o); err != nil {
		return nil, err
	}
	return exec.New(o)
}
