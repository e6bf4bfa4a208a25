package harness

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Status returns a field of /proc/PID/status, "" when the process is gone.
func Status(pid int, field string) string {
	b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.Join(strings.Fields(v), " ")
		}
	}
	return ""
}

// Title returns what ps shows of a process.
func Title(pid int) string {
	b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	return strings.TrimRight(string(bytes.ReplaceAll(b, []byte{0}, []byte{' '})), " ")
}

// OOMScore returns by how much, in thousandths of all memory, a process counts for more than
// it has when the kernel looks for whom to end.
func OOMScore(t testing.TB, pid int) int {
	t.Helper()
	b := ReadFile(t, filepath.Join("/proc", strconv.Itoa(pid), "oom_score_adj"))
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Manners are what a thread is held to by the kernel.
type Manners struct {
	Slack  int    // how late its timers may be, in ns
	Policy uint32 // by which it gets the CPU: unix.SCHED_...
}

// ThreadManners says how many of a process's threads have which. It takes root.
func ThreadManners(pid int) map[Manners]int {
	tasks, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*"))
	all := make(map[Manners]int)
	for _, task := range tasks {
		tid, _ := strconv.Atoi(filepath.Base(task))
		b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(tid), "timerslack_ns"))
		ns, err := strconv.Atoi(strings.TrimSpace(string(b)))
		attr, none := unix.SchedGetAttr(tid, 0)
		if err == nil && none == nil {
			all[Manners{ns, attr.Policy}]++
		}
	}
	return all
}

// Children returns the pids of a process's children, zombies included.
func Children(pid int) []int {
	tasks, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "children"))
	var pids []int
	for _, task := range tasks {
		b, _ := os.ReadFile(task)
		for _, f := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(f); err == nil {
				pids = append(pids, n)
			}
		}
	}
	return pids
}

// IdleWorker waits until one of a supervisor's children is a worker that waits, and
// not one that is about to be: that has the supervisor's ids still. 0: there is none.
func IdleWorker(supervisor int) (pid int) {
	Eventually(func() bool {
		for _, child := range Children(supervisor) {
			if Title(child) == "brood: worker (idle)" {
				pid = child
			}
		}
		return pid != 0
	})
	return pid
}

// Eventually waits for a condition that nothing announces, and says whether it
// came true.
func Eventually(ok func() bool) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return false
}

// CPU returns the time that a process has spent, in the kernel's ticks of 10 ms.
func CPU(pid int) int {
	b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	_, rest, _ := bytes.Cut(b, []byte(") ")) // the name before may hold anything
	fields := strings.Fields(string(rest))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return user + system
}

// Holds counts a process's descriptors by what they are. It leaves the pollers
// out: the Go runtime makes one of its own when it first needs it.
func Holds(pid int) map[string]int {
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	entries, _ := os.ReadDir(dir)
	kinds := map[string]int{}
	for _, e := range entries {
		target, _ := os.Readlink(filepath.Join(dir, e.Name()))
		kind, _, _ := strings.Cut(target, ":[")
		switch target {
		case "anon_inode:[eventpoll]", "anon_inode:[eventfd]":
			continue
		case "anon_inode:[pidfd]":
			kind = "pidfd"
		}
		kinds[kind]++
	}
	return kinds
}
