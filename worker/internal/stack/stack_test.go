// Not in the package itself: with a test's imports it would not be the first.
package stack_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"
	"unsafe"

	_ "brood/worker/internal/stack"
)

// moved says whether main's stack was moved to make room for a frame of 17 KiB, which 16 are too few for.
var moved bool

func TestMain(m *testing.M) {
	var here byte
	before := uintptr(unsafe.Pointer(&here))
	deep(0)
	moved = uintptr(unsafe.Pointer(&here)) != before
	os.Exit(m.Run())
}

//go:noinline
func deep(i int) byte {
	var frame [17 << 10]byte
	frame[i]++
	return frame[len(frame)-1-i]
}

func TestMainHasRoom(t *testing.T) {
	t.Parallel()
	if moved {
		t.Error("the stack of the goroutine that runs main grows all the same")
	}
}

// What is initialised sooner grows the stack step by step.
func TestItGrowsBeforeAnyOtherPackageIsInitialised(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run=^$")
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
		t.Errorf("packages are initialised in this order: %q; want this one after runtime", order)
	}
}
