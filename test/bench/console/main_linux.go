// Command console measures whether TFTP clients notice what happens to the console:
// their throughput with a console that is scraped, killed over and over, stopped, or
// flooded with requests, beside that of a server without one. The conditions take turns
// within each round. Whoever floods gives way for CPU time, as one on another machine
// would take none.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	clients  = 8
	fileSize = 32 << 20
	// settled is when a condition has become what it stays: a flood has used up the
	// requests that a console answers at once.
	settled = 2 * time.Second
)

// condition is something that happens to a console until stop is called.
type condition struct {
	name string
	http bool
	// begin returns what ends it.
	begin func(c *console) (stop func(), err error)
}

var conditions = []condition{
	{"no console", false, func(*console) (func(), error) { return func() {}, nil }},
	{"scraped each second", true, scraped},
	{"killed each 50 ms", true, killed},
	{"stopped, and 64 wait for it", true, stalled},
	{"flooded by 64 connections", true, flooded},
}

// floodEnv has this program be the one that floods, until it is killed.
const floodEnv = "BROOD_BENCH_FLOOD"

func main() {
	rounds := flag.Int("rounds", 5, "`how often`")
	sessions := flag.Int("sessions", 64, "of 32 MiB in each `case`")
	cases := flag.String("cases", "", "only those that match this `regexp`, and no console")
	flag.Parse()
	if url := os.Getenv(floodEnv); url != "" {
		flood(url)
	}
	only, err := regexp.Compile("^no console$|" + *cases)
	if err == nil {
		conditions = slices.DeleteFunc(conditions, func(c condition) bool { return !only.MatchString(c.name) })
		err = run(*rounds, *sessions)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "console:", err)
		os.Exit(1)
	}
}

func run(rounds, sessions int) error {
	tmp, err := os.MkdirTemp("", "brood-console-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", tmp+"/", "./cmd/brood", "./cmd/broodctl")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	root := filepath.Join(tmp, "srv")
	if err := errors.Join(os.Chmod(tmp, 0o755), os.Mkdir(root, 0o755), os.WriteFile(filepath.Join(root, "f"), make([]byte, fileSize), 0o644)); err != nil {
		return err
	}
	rates := make([][]float64, len(conditions))
	for r := range rounds {
		for j := range conditions { // another one begins each round: what comes first is not the same machine
			i := (r + j) % len(conditions)
			c := conditions[i]
			rate, err := measure(tmp, c, sessions)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			rates[i] = append(rates[i], rate)
		}
	}
	fmt.Printf("| the console is | MB/s | × no console |\n|---|---|---|\n")
	for i, c := range conditions {
		ratios := make([]float64, rounds)
		for r := range rounds {
			ratios[r] = rates[i][r] / rates[0][r]
		}
		fmt.Printf("| %s | %s | %s |\n", c.name, spread(rates[i], "%.0f"), spread(ratios, "%.3f"))
	}
	return nil
}

func spread(v []float64, format string) string {
	v = slices.Sorted(slices.Values(v))
	return fmt.Sprintf(format+" ("+format+"–"+format+")", (v[len(v)/2]+v[(len(v)-1)/2])/2, v[0], v[len(v)-1])
}

// console is a server's, and where its log says that it is.
type console struct {
	pid int // of the server
	url string
}

// measure returns the throughput of clients, in MB/s.
func measure(tmp string, c condition, sessions int) (rate float64, err error) {
	flags := []string{"serve", "--root", filepath.Join(tmp, "srv"), "--listen", "127.0.0.1:0"}
	if c.http {
		flags = append(flags, "--http", "127.0.0.1:0")
	}
	cmd := exec.Command(filepath.Join(tmp, "brood"), flags...)
	log := filepath.Join(tmp, "log")
	f, err := os.Create(log)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	cmd.Stderr = f
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}()
	port, err := said(log, `listening: address=(\S+)`)
	if err != nil {
		return 0, err
	}
	where := ""
	if c.http {
		if where, err = said(log, `a helper runs: .* address=(\S+)`); err != nil {
			return 0, err
		}
	}
	stop, err := c.begin(&console{cmd.Process.Pid, "http://" + where})
	if err != nil {
		return 0, err
	}
	defer stop()
	time.Sleep(settled)
	get := exec.Command(filepath.Join(tmp, "broodctl"), "get", "--json", "--quiet", "--repeat", strconv.Itoa(sessions), "--concurrency", strconv.Itoa(clients), "tftp://"+port+"/f")
	get.Stderr = os.Stderr
	out, err := get.Output()
	var told struct {
		Complete int     `json:"complete"`
		Rate     float64 `json:"bytes_per_second"`
	}
	if err := errors.Join(err, json.Unmarshal(out, &told)); err != nil || told.Complete != sessions {
		return 0, fmt.Errorf("%d of %d sessions: %w: %s", told.Complete, sessions, err, out)
	}
	return told.Rate / 1e6, nil
}

// said waits for what a log says.
func said(log, pattern string) (string, error) {
	want := regexp.MustCompile(pattern)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		b, err := os.ReadFile(log)
		if err != nil {
			return "", err
		}
		if m := want.FindSubmatch(b); m != nil {
			return string(m[1]), nil
		}
	}
	return "", fmt.Errorf("the log does not say %s", pattern)
}

// process returns the console's, 0 if there is none at the moment.
func (c *console) process() int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", c.pid)) // of the thread that started them
	for _, list := range lists {
		b, _ := os.ReadFile(list)
		for _, field := range bytes.Fields(b) {
			pid, _ := strconv.Atoi(string(field))
			if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); bytes.HasSuffix(line, []byte("\x00console\x00")) {
				return pid
			}
		}
	}
	return 0
}

// each calls f at intervals.
func each(d time.Duration, f func()) (stop func()) {
	ticks, done := time.NewTicker(d), make(chan struct{})
	go func() {
		for {
			select {
			case <-ticks.C:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() { ticks.Stop(); close(done) }
}

func scraped(c *console) (func(), error) {
	return each(time.Second, func() { fetch(http.DefaultClient, c.url) }), nil
}

func fetch(client *http.Client, url string) {
	if resp, err := client.Get(url + "/metrics"); err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

func killed(c *console) (func(), error) {
	times := 0
	stop := each(50*time.Millisecond, func() {
		if pid := c.process(); pid > 0 && unix.Kill(pid, unix.SIGKILL) == nil {
			times++
		}
	})
	return func() {
		if stop(); times == 0 {
			fmt.Fprintln(os.Stderr, "console: it was never killed: this case says nothing")
		}
	}, nil
}

func stalled(c *console) (func(), error) {
	pid := c.process()
	if err := unix.Kill(pid, unix.SIGSTOP); pid == 0 || err != nil {
		return nil, fmt.Errorf("stopping process %d: %w", pid, err)
	}
	for range 64 {
		go fetch(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, c.url)
	}
	return func() { unix.Kill(pid, unix.SIGCONT) }, nil
}

func flooded(c *console) (func(), error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), floodEnv+"="+c.url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() { cmd.Process.Kill(); cmd.Wait() }, nil
}

// flood asks without end.
func flood(url string) {
	unix.Setpriority(unix.PRIO_PGRP, 0, 19)
	os.WriteFile("/proc/self/autogroup", []byte("19"), 0)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	for range 64 {
		go func() {
			for {
				fetch(client, url)
			}
		}()
	}
	select {}
}
