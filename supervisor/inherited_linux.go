package supervisor

import (
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// firstInherited is the first descriptor after the standard ones.
const firstInherited = 3

// keepInherited makes sure that what this process was started with, by a shell
// or a service manager, stays here: a descriptor without close-on-exec would be
// open in every worker, whoever it runs as.
func keepInherited() {
	if unix.CloseRange(firstInherited, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	// Before Linux 5.11.
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= firstInherited {
			unix.CloseOnExec(fd)
		}
	}
}
