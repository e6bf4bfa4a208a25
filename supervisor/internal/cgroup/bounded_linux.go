package cgroup

import (
	"errors"
	"io/fs"
	"iter"
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
	for file := range memoryFiles(membership, mounts, "memory.max", "memory.limit_in_bytes") {
		b, _ := os.ReadFile(file)
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n > 0 {
			least = min(least, n)
		}
	}
	if least == machine {
		return 0
	}
	return least
}

// memoryFiles are the paths that a file of the memory controller may have, by its names in
// version 2 and 1: in a process's group, and in each above it. Most machines have the controller
// in one version, and a group that was not given it lacks its files.
func memoryFiles(membership, mounts, two, one string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, v := range []struct {
			hierarchy
			file string
		}{{version2, two}, {"memory", one}} {
			at, err := v.home(membership, mounts)
			if err != nil {
				continue
			}
			for below := path.Join("/", at.below); ; below = path.Dir(below) {
				if !yield(path.Join(at.mount, below, v.file)) {
					return
				}
				if below == "/" {
					break
				}
			}
		}
	}
}
