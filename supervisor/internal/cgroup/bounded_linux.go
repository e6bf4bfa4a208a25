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
	eachMemory(membership, mounts, func(dir string, h hierarchy) {
		b, _ := os.ReadFile(path.Join(dir, map[hierarchy]string{version2: "memory.max", memory: "memory.limit_in_bytes"}[h]))
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n > 0 {
			least = min(least, n)
		}
	})
	if least == machine {
		return 0
	}
	return least
}

// memory is the controller's name.
const memory hierarchy = "memory"

// eachMemory calls do with the directory of a process's group and of each above it, in the
// hierarchies that may have the controller: most machines have it in one. A group that
// was not given it lacks its files.
func eachMemory(membership, mounts string, do func(dir string, h hierarchy)) {
	for _, h := range []hierarchy{version2, memory} {
		at, err := h.home(membership, mounts)
		if err != nil {
			continue
		}
		for below := path.Join("/", at.below); ; below = path.Dir(below) {
			do(path.Join(at.mount, below), h)
			if below == "/" {
				break
			}
		}
	}
}
