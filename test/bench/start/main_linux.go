// Command start measures what starting one of brood's workers costs beside a bare
// program: the CPU time of the process from fork to exit, in turns within one
// run. It takes root, as the supervisor does to change ids.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/launch"
	"brood/ipc/sandbox"
)

// nobody is whom both run as.
const nobody = 65534

// kind is a way to start a process.
type kind struct {
	name    string
	program string
	level   sandbox.Level
	files   bool    // it is told a directory, and not what broodctl makes of one
	goal    float64 // × bare, at most
}

// The first thread is main's alone: it can't end, and would keep what it enters.
func init() { runtime.LockOSThread() }

func main() {
	starts := flag.Int("starts", 300, "starts of each `kind` in a round, of which the median counts")
	rounds := flag.Int("rounds", 5, "`how often`")
	flag.Parse()
	if err := run(*rounds, *starts); err != nil {
		fmt.Fprintln(os.Stderr, "start:", err)
		os.Exit(1)
	}
}

func run(rounds, starts int) error {
	if os.Geteuid() != 0 {
		return errors.New("changing ids needs root")
	}
	tmp, err := os.MkdirTemp("", "brood-start-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	kinds := []kind{
		{"bare program", filepath.Join(tmp, "bare"), sandbox.Off, false, 0},
		{"files-only worker, no sandbox", filepath.Join(tmp, "filesonly"), sandbox.Off, true, 1.15},
		{"files-only worker, strict", filepath.Join(tmp, "filesonly"), sandbox.Strict, true, 0},
		{"worker, no sandbox", filepath.Join(tmp, "brood"), sandbox.Off, false, 0},
		{"worker, strict", filepath.Join(tmp, "brood"), sandbox.Strict, false, 1.3},
	}
	for program, source := range map[string]string{"bare": "./test/bench/start/bare", "filesonly": "./test/bench/start/filesonly", "brood": "./cmd/brood", "broodctl": "./cmd/broodctl"} {
		path := filepath.Join(tmp, program)
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path+".linked", source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		// See the bench's built.
		for _, command := range []*exec.Cmd{build, exec.Command("install", "-m", "755", path+".linked", path)} {
			if out, err := command.CombinedOutput(); err != nil {
				return fmt.Errorf("building %s: %w\n%s", program, err, out)
			}
		}
	}
	served, err := compile(tmp)
	if err != nil {
		return err
	}
	start := make([]func() (time.Duration, error), len(kinds))
	for i, k := range kinds {
		var end func()
		if start[i], end, err = prepare(k, tmp, served); err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		defer end()
	}
	costs := make([][]float64, len(kinds)) // of each round the median
	for range rounds {
		took := make([][]float64, len(kinds))
		for range starts {
			// In turns, since what the machine does meanwhile meets all; and the second
			// of two, since what ran before leaves the caches to its like.
			for i, k := range kinds {
				_, err := start[i]()
				var cpu time.Duration
				if err == nil {
					cpu, err = start[i]()
				}
				if err != nil {
					return fmt.Errorf("%s: %w", k.name, err)
				}
				took[i] = append(took[i], float64(cpu.Nanoseconds())/1e3)
			}
		}
		for i := range kinds {
			costs[i] = append(costs[i], median(took[i]))
		}
	}
	fmt.Println("| start | CPU µs ↓ | × bare | |")
	fmt.Println("|---|---|---|---|")
	for i, k := range kinds {
		ratios := make([]float64, rounds) // within a round: the machine may change between them
		for r := range rounds {
			ratios[r] = costs[i][r] / costs[0][r]
		}
		verdict := ""
		if ratio := median(ratios); k.goal > 0 {
			verdict = fmt.Sprintf("≤ %.2f: met", k.goal)
			if ratio > k.goal {
				verdict = fmt.Sprintf("≤ %.2f: **not met**", k.goal)
			}
		}
		fmt.Printf("| %s | %.0f (%.0f–%.0f) | %.2f (%.2f–%.2f) | %s |\n", k.name,
			median(costs[i]), slices.Min(costs[i]), slices.Max(costs[i]),
			median(ratios), slices.Min(ratios), slices.Max(ratios), verdict)
	}
	return nil
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[len(v)/2] + v[(len(v)-1)/2]) / 2
}

// compile returns what workers are told that serve the directory.
func compile(root string) ([]byte, error) {
	compile := exec.Command(filepath.Join(root, "broodctl"), "compile", "--stdin", "--workers", "brood.yaml")
	compile.Stdin = strings.NewReader(fmt.Sprintf("root: %q\n", root))
	compile.Stderr = os.Stderr
	out, err := compile.Output()
	if err != nil {
		return nil, fmt.Errorf("broodctl compile: %w", err)
	}
	return out, nil
}

// prepare returns what starts a process and says what CPU time it took, and what ends
// the thread that does it.
func prepare(k kind, root string, served []byte) (start func() (time.Duration, error), end func(), err error) {
	terms := sandbox.Terms{Level: k.level, AddressSpace: 4 << 30, Filter: sandbox.Assemble(k.level)}
	if k.files {
		served = []byte(root)
	}
	config, err := ipc.SealConfig(append(terms.Append(nil), served...))
	if err != nil {
		return nil, nil, err
	}
	type result struct {
		cpu time.Duration
		err error
	}
	orders, results := make(chan struct{}), make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread keeps what it enters
		defer unix.Close(config)
		results <- result{err: enter(k, root)}
		for range orders {
			cpu, err := once(k, config)
			results <- result{cpu, err}
		}
	}()
	start = func() (time.Duration, error) {
		orders <- struct{}{}
		r := <-results
		return r.cpu, r.err
	}
	return start, sync.OnceFunc(func() { close(orders) }), (<-results).err
}

// enter is what the supervisor's starter does to its thread.
func enter(k kind, root string) error {
	launch.Relax()
	if err := launch.Deprive(); err != nil {
		return err
	}
	if k.level == sandbox.Off {
		return nil
	}
	d, err := sandbox.NewDomain(k.level, sandbox.ABI(), sandbox.Rules(k.level, []string{root}, k.program), nil)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Enter()
}

func once(k kind, config int) (time.Duration, error) {
	ours, theirs, err := ipc.SocketPair()
	if err != nil {
		return 0, err
	}
	statsR, statsW, err := ipc.StatsPipe()
	if err != nil {
		return 0, err
	}
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	pid, err := syscall.ForkExec(k.program, ipc.WorkerArgs(), &syscall.ProcAttr{
		Dir: "/",
		Env: []string{
			ipc.RoleEnv + "=" + ipc.RoleWorker,
			"GOMAXPROCS=1",
		},
		Files: []uintptr{uintptr(null), uintptr(null), 2, uintptr(theirs), uintptr(statsW), uintptr(config)},
		Sys:   &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, Setsid: true},
	})
	for _, fd := range []int{theirs, statsW, null} {
		unix.Close(fd)
	}
	defer unix.Close(statsR)
	// One message: for a worker it is the end of the control socket.
	unix.Close(ours)
	if err != nil {
		return 0, err
	}
	var usage unix.Rusage
	var status unix.WaitStatus
	for {
		if _, err = unix.Wait4(pid, &status, 0, &usage); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err == nil && status.ExitStatus() != 0 {
		err = fmt.Errorf("exit %d", status.ExitStatus())
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), err
}
