package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// MemoryBound is what this process's control group may have of memory, in bytes: the least
// that it or one above it, of either version, is bounded to. 0 means no bound below what the
// machine has, or none that can be seen.
func MemoryBound() (int64, error) {
	membership, mounts, err := self()
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // a kernel without groups, or no /proc
	}
	if err != nil {
		return 0, err
	}
	var machine unix.Sysinfo_t
	if err := unix.Sysinfo(&machine); err != nil {
		return 0, err
	}
	return memoryBound(membership, mounts, int64(machine.Totalram)*int64(machine.Unit)), nil
}

func memoryBound(membership, mounts string, machine int64) int64 {
	least := machine
	for _, v := range []struct {
		hierarchy
		file string
	}{{version2, "memory.max"}, {"memory", "memory.limit_in_bytes"}} {
		if at, err := v.home(membership, mounts); err == nil { // most have one of them
			least = min(least, leastUpwards(at, v.file, least))
		}
	}
	if least == machine {
		return 0
	}
	return least
}

// leastUpwards is the smallest number in the files of one name in a group and those above it,
// and most if there is none. A group has no such file where it wasn't given the controller.
func leastUpwards(at place, name string, most int64) int64 {
	for below := path.Join("/", at.below); ; below = path.Dir(below) {
		b, _ := os.ReadFile(path.Join(at.mount, below, name))
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n > 0 {
			most = min(most, n)
		}
		if below == "/" {
			return most
		}
	}
}
