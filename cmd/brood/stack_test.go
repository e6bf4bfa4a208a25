package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// A worker's start is measured with main's stack grown before anything else.
func TestMainsStackIsTheFirstThing(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "brood")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(program, "version")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var order []string
	for _, m := range regexp.MustCompile(`(?m)^init (\S+) @`).FindAllSubmatch(out, -1) {
		order = append(order, string(m[1]))
	}
	if at := slices.Index(order, "runtime"); at < 0 || at+1 >= len(order) || order[at+1] != "brood/worker/internal/stack" {
		t.Errorf("packages are initialised in this order: %q; want worker/internal/stack after runtime", order)
	}
}
