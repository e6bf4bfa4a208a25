package worker_test

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if child, ok := children[os.Getenv("BROOD_TEST_CHILD")]; ok {
		os.Exit(child())
	}
	os.Exit(m.Run())
}
