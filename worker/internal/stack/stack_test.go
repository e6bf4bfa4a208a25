package stack_test

import (
	"os"
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
