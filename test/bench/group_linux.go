package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// group is a control group: all the processes of one server, however often they
// fork, and the CPU time of those that are gone.
type group struct {
	dir   string
	limit string // where the number of processes is bounded; may be dir
	file  string // of the CPU time
	unit  time.Duration
	key   string // in file; "": it holds a number only
}

// newGroup looks for a hierarchy that counts CPU time: version 1's cpuacct, else
// version 2, where every group has cpu.stat, controller or no controller.
func newGroup(name string) (*group, error) {
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		return nil, err
	}
	var v1, v2, pids string
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		switch {
		case f[2] == "cgroup" && strings.Contains(","+f[3]+",", ",cpuacct,"):
			v1 = f[1]
		case f[2] == "cgroup" && strings.Contains(","+f[3]+",", ",pids,"):
			pids = f[1]
		case f[2] == "cgroup2":
			v2 = f[1]
		}
	}
	g := &group{dir: filepath.Join(v1, name), file: "cpuacct.usage", unit: time.Nanosecond}
	if v1 == "" {
		if v2 == "" {
			return nil, errors.New("no control groups are mounted, so nobody counts what servers' children burn")
		}
		g = &group{dir: filepath.Join(v2, name), file: "cpu.stat", unit: time.Microsecond, key: "usage_usec "}
	}
	if g.limit = g.dir; pids != "" {
		g.limit = filepath.Join(pids, name)
	}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return nil, err
	}
	if g.limit != g.dir {
		if err := os.Mkdir(g.limit, 0o755); err != nil {
			return nil, errors.Join(err, os.Remove(g.dir))
		}
	}
	// Where nobody can say how many, nobody is bounded.
	os.WriteFile(filepath.Join(g.limit, "pids.max"), fmt.Append(nil, maxProcesses), 0)
	return g, nil
}

// maxProcesses is more than any case but a flood needs. A server that forks for
// each packet of one would take the machine with it.
const maxProcesses = 12_000

// cpu returns what the group's processes have burnt since it was made.
func (g *group) cpu() (time.Duration, error) {
	b, err := os.ReadFile(filepath.Join(g.dir, g.file))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut("\n"+string(b), "\n"+g.key)
	if !ok {
		return 0, fmt.Errorf("no %sin %s", g.key, g.file)
	}
	number, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.ParseInt(number, 10, 64)
	return time.Duration(n) * g.unit, err
}

func (g *group) pids() []int {
	b, _ := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
	var pids []int
	for f := range strings.FieldsSeq(string(b)) {
		if pid, err := strconv.Atoi(f); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// settled waits until the group burns nothing, and returns its CPU time then.
// What a server does after its clients have gone (reap, start the next worker)
// belongs to the sessions before and must not disturb the next server.
func (g *group) settled() (time.Duration, error) {
	if g == nil {
		return 0, nil // the ideal
	}
	const pause = 40 * time.Millisecond
	last, err := g.cpu()
	for deadline := time.Now().Add(8 * time.Second); err == nil && time.Now().Before(deadline); {
		time.Sleep(pause)
		var now time.Duration
		if now, err = g.cpu(); now-last < 400*time.Microsecond {
			return now, err
		}
		last = now
	}
	return last, err
}

// pss returns the proportional set size of all processes together, in bytes.
func (g *group) pss() (total int64, processes int, err error) {
	for _, pid := range g.pids() {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has just ended
		}
		if err != nil {
			return 0, 0, err
		}
		_, rest, _ := bytes.Cut(b, []byte("\nPss:"))
		fields := bytes.Fields(rest)
		if len(fields) == 0 {
			continue // a zombie has no memory
		}
		kb, err := strconv.ParseInt(string(fields[0]), 10, 64)
		if err != nil {
			return 0, 0, err
		}
		total += kb << 10
		processes++
	}
	return total, processes, nil
}

// end kills every process of the group and removes it.
func (g *group) end() error {
	var err error
	for range 500 {
		for _, pid := range g.pids() {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		if err = errors.Join(gone(g.dir), gone(g.limit)); err == nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

// gone removes a group that may be gone already.
func gone(dir string) error {
	if err := os.Remove(dir); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
