package cgroup

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Files are those in which the kernel counts what has met a bound. epoll tells of a
// change as EPOLLPRI, until Events is called.
func (g *Group) Files() []int { return []int{int(g.memory.Fd()), int(g.pids.Fd())} }

// Events are what has met a bound so far.
type Events struct {
	Killed  uint64 // for want of memory: of all kinds, the machine's as well
	Refused uint64 // processes and threads
}

// Events reads them.
func (g *Group) Events() Events {
	return Events{Killed: counted(contents(g.memory), killed), Refused: counted(contents(g.pids), "max")}
}

// contents reads a small file from its beginning.
func contents(f *os.File) string {
	var b [1024]byte
	n, err := unix.Pread(int(f.Fd()), b[:], 0)
	if err != nil {
		return ""
	}
	return string(b[:n])
}

// counted finds a number in lines of a name and a number each; 0 if it is not there.
func counted(text, name string) uint64 {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == name {
			n, _ := strconv.ParseUint(f[1], 10, 64)
			return n
		}
	}
	return 0
}

// Kills counts the processes that the kernel has ended for want of memory, of all kinds, the
// machine's as well.
type Kills struct{ file *os.File }

// OpenKills opens the count of this process's own group, as it is now, or of the next one
// above that has one. It is nil where none has, as before Linux 4.13.
func OpenKills() *Kills {
	membership, mounts, err := self()
	if err != nil {
		return nil
	}
	return openKills(membership, mounts)
}

func openKills(membership, mounts string) *Kills {
	for file := range memoryFiles(membership, mounts, "memory.events", "memory.oom_control") {
		f, err := os.Open(file)
		if err != nil {
			continue
		}
		if strings.Contains(contents(f), "\n"+killed+" ") {
			return &Kills{f}
		}
		f.Close()
	}
	return nil
}

// Count returns how many there were so far.
func (k *Kills) Count() uint64 { return counted(contents(k.file), killed) }

// Close gives the descriptor back.
func (k *Kills) Close() { k.file.Close() }

// killed is the kernel's name for it.
const killed = "oom_kill"
