package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed intro.md
var intro string

// writeREADME puts a whole run into the folder's README.
func writeREADME(c settings, t *table, starts string, absent []string, begun time.Time, load float64) error {
	var out bytes.Buffer
	out.WriteString(intro)
	fmt.Fprintf(&out, "\n## The last whole run\n\n")
	fmt.Fprintf(&out, "- %s, rounds: %d, minutes: %.0f, load average before it: %.2f%s.\n",
		begun.UTC().Format("2006-01-02"), c.rounds, time.Since(begun).Minutes(), load,
		cond(busy(load), " (a busy machine: the figures are rough)", ""))
	fmt.Fprintf(&out, "- %s; %d CPUs; %s; %s.\n", cpuModel(), runtime.NumCPU(), kernel(), runtime.Version())
	for _, k := range t.kinds {
		if k.ideal || slices.Contains(k.only, "burst 2000") {
			continue // the same with another number
		}
		fmt.Fprintf(&out, "- %s %s: `%s`\n", k.name, k.version, tidy(k.command))
	}
	if len(absent) > 0 {
		fmt.Fprintf(&out, "- not on this machine: %s\n", strings.Join(absent, ", "))
	}
	out.WriteString("\n")
	t.markdown(&out)
	fmt.Fprintf(&out, "\n## Starting a worker\n\n`go run ./test/bench/start`, in the same run: CPU time from fork to exit, medians of its rounds with the lowest and the highest. The bare program holds the three prescribed packages, reads one message and exits; the files-only worker is that of a server with no other handler in its image.\n\n%s", starts)
	return os.WriteFile(c.readme, out.Bytes(), 0o644)
}

// tidy is a command without the folders of this machine.
func tidy(command []string) string {
	words := append([]string(nil), command...)
	words[0] = words[0][strings.LastIndexByte(words[0], '/')+1:]
	return strings.Join(words, " ")
}

func cpuModel() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	out, err := exec.Command("uname", "-sr").Output()
	if err != nil {
		return runtime.GOOS
	}
	return strings.TrimSpace(string(out))
}

// loadAverage tells whether the machine has other things to do.
func loadAverage() float64 {
	b, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(b), " ")
	load, _ := strconv.ParseFloat(first, 64) // 0 where nobody knows
	return load
}

func busy(load float64) bool { return load > float64(runtime.NumCPU())/2 }
