package cgroup

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// MemoryBound is what this process's control group may have of memory, in bytes: the least
// that it or one above it is bounded to, of either version. 0: there is no bound, or none
// below what the machine has, or it can't be seen.
func MemoryBound() int64 {
	var machine unix.Sysinfo_t
	membership, err1 := os.ReadFile("/proc/self/cgroup")
	mounts, err2 := os.ReadFile("/proc/self/mountinfo")
	if err1 != nil || err2 != nil || unix.Sysinfo(&machine) != nil {
		return 0
	}
	least := int64(machine.Totalram) * int64(machine.Unit)
	bounded := false
	for _, v := range []struct {
		hierarchy
		file string
	}{{version2, "memory.max"}, {hierarchy("memory"), "memory.limit_in_bytes"}} {
		at, err := v.home(string(membership), string(mounts))
		if err != nil {
			continue
		}
		if n, ok := leastAbove(at, v.file); ok && n < least {
			least, bounded = n, true
		}
	}
	if !bounded {
		return 0
	}
	return least
}

// leastAbove is the smallest number in the files of one name in a group and those above it.
func leastAbove(at, name string) (least int64, ok bool) {
	for {
		if _, err := os.Stat(filepath.Join(at, "cgroup.procs")); err != nil {
			return least, ok // above the mount
		}
		b, _ := os.ReadFile(filepath.Join(at, name)) // not there in the root, and where the controller isn't given
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && (!ok || n < least) {
			least, ok = n, true
		}
		at = filepath.Dir(at)
	}
}
