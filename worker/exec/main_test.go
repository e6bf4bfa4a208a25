package exec

import (
	"encoding/json"
	"os"
	"testing"

	"brood/worker"
)

// childEnv has the test binary open one file by a Handler with the Options that
// it holds, in a process that a test can kill.
const childEnv = "BROOD_TEST_CHILD"

func TestMain(m *testing.M) {
	if code, ok := worker.Dispatch(newHandler, worker.Options{}); ok {
		os.Exit(code)
	}
	if config := os.Getenv(childEnv); config != "" {
		os.Exit(child([]byte(config)))
	}
	os.Exit(m.Run())
}

// newHandler takes Options as JSON.
func newHandler(config []byte) (worker.Handler, error) {
	var o Options
	if err := json.Unmarshal(config, &o); err != nil {
		return nil, err
	}
	return New(o)
}
