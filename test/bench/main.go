package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// settings come from the environment, so that `make bench CASES=tiny` reaches
// them without a shell in between, or from flags.
type settings struct {
	peer, cases, servers string
	rounds               int
	readme               string
}

func main() {
	var c settings
	rounds, err := strconv.Atoi(cond(os.Getenv("ROUNDS") == "", "5", os.Getenv("ROUNDS")))
	if err != nil {
		rounds = 0
	}
	flag.StringVar(&c.peer, "peer", os.Getenv("PEER"), "a further server: `name=command` with {root} and {port}")
	flag.StringVar(&c.cases, "cases", os.Getenv("CASES"), "run only the cases whose name this `regexp` matches; the README stays as it is")
	flag.StringVar(&c.servers, "servers", os.Getenv("SERVERS"), "run only the servers whose name this `regexp` matches; the README stays as it is")
	flag.IntVar(&c.rounds, "rounds", rounds, "how often each server runs each case")
	flag.StringVar(&c.readme, "readme", "test/bench/README.md", "the `file` that a whole run is written into")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, c); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

const idealName = "ideal"

// bench is what a run holds and must give back.
type bench struct {
	tmp, root string
	crc       map[string]uint32 // of the files in root
	running   map[int]*server   // by index of kinds
}

func run(ctx context.Context, c settings) (err error) {
	onlyCases, err := regexp.Compile(c.cases)
	if err != nil {
		return fmt.Errorf("CASES: %w", err)
	}
	onlyServers, err := regexp.Compile(c.servers)
	if err != nil {
		return fmt.Errorf("SERVERS: %w", err)
	}
	if c.rounds < 1 {
		return errors.New("ROUNDS: want a number above 0")
	}
	if os.Geteuid() != 0 {
		return errors.New("namespaces and control groups need root")
	}
	// 2,000 sockets here, and as many in a server of one process.
	// Setting the limit, even to what Go has made of it, hands it on to them.
	var limit syscall.Rlimit
	err = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	limit.Cur = limit.Max
	if err = errors.Join(err, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)); err != nil {
		return fmt.Errorf("more open files: %w", err)
	}

	debug.SetGCPercent(-1) // see measure
	runtime.GOMAXPROCS(max(4, runtime.NumCPU()))
	b := &bench{running: map[int]*server{}, crc: map[string]uint32{}}
	if b.tmp, err = os.MkdirTemp("", "brood-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.end()) }()
	if err := b.files(); err != nil {
		return err
	}
	kinds, err := broods(ctx, b.tmp)
	if err != nil {
		return err
	}
	others, absent, err := peers(ctx, b.tmp, c.peer)
	if err != nil {
		return err
	}
	kinds = append(append(kinds, others...), kind{name: idealName, ideal: true, command: []string{"none"}})
	kinds = slices.DeleteFunc(kinds, func(k kind) bool { return !onlyServers.MatchString(k.name) })
	for _, name := range absent {
		fmt.Fprintln(os.Stderr, "bench: without", name)
	}

	begun, load := time.Now(), loadAverage()
	if busy(load) {
		fmt.Fprintf(os.Stderr, "bench: the load average is %.2f: what else runs here will show in the figures\n", load)
	}
	t := &table{kinds: kinds}
	for _, tc := range cases() {
		if !onlyCases.MatchString(tc.name) || tc.long && c.cases == "" {
			continue
		}
		r, failed := b.measure(ctx, tc, kinds, c.rounds)
		if failed != nil {
			err = failed // what was measured before is worth printing all the same
			break
		}
		t.rows = append(t.rows, r)
	}
	if len(t.rows) == 0 {
		return err
	}
	if printing := t.text(os.Stdout); err != nil || printing != nil || c.cases != "" || c.servers != "" {
		return errors.Join(err, printing)
	}
	starts, err := startCosts(ctx)
	if err != nil {
		return err
	}
	fmt.Print(starts)
	return writeREADME(c, t, starts, absent, begun, load)
}

// startCosts is what the program beside this one prints.
func startCosts(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "run", "./test/bench/start")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("test/bench/start: %w", err)
	}
	return string(out), nil
}

// files makes the tree that is served.
func (b *bench) files() error {
	b.root = filepath.Join(b.tmp, "root")
	if err := os.Mkdir(b.root, 0o755); err != nil {
		return err
	}
	for name, size := range map[string]int{"tiny": 1000, "loader": 48e3, "kernel": 128e3, "initrd": 256e3, "16MB": 16e6, "64MB": 64e6} {
		content := make([]byte, size)
		rand.Read(content)
		b.crc[name] = crc32.ChecksumIEEE(content)
		if err := os.WriteFile(filepath.Join(b.root, name), content, 0o644); err != nil {
			return err
		}
	}
	// The servers' accounts must get here, whatever the umask.
	return errors.Join(os.Chmod(b.tmp, 0o755), os.Chmod(b.root, 0o755))
}

// measure runs one case in rotation over the servers.
func (b *bench) measure(ctx context.Context, tc *testCase, kinds []kind, rounds int) (*row, error) {
	r := &row{testCase: tc, samples: map[string][]sample{}, absent: map[string]string{}}
	begun := time.Now()
	for round := range rounds {
		for i, k := range kinds {
			if (k.only != nil || tc.only) && !slices.Contains(k.only, tc.name) || k.ideal && !tc.bounded || r.absent[k.name] != "" {
				continue
			}
			s, err := b.server(ctx, i, k)
			if err != nil {
				return nil, err
			}
			if round == 0 && tc.need.file != "" {
				why, err := b.probe(ctx, s, tc.need)
				if err != nil {
					return nil, err
				}
				if why != "" {
					r.absent[k.name] = why
					continue
				}
			}
			// The client's thread tells Go's scheduler of no system call, so a
			// collection would wait for it and stop the proxy meanwhile.
			runtime.GC()
			got, err := tc.run(ctx, s)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if tc.fresh {
				delete(b.running, i)
				err = errors.Join(err, s.end())
			}
			if err != nil {
				// One server's fault is a hole in the table, not the end of it.
				fmt.Fprintf(os.Stderr, "bench: %s: %s: %v%s\n", tc.name, k.name, err, s.said())
				continue
			}
			if k.ideal { // it burns the bench's own time
				delete(got, cpuPerGB)
				delete(got, cpuSession)
			}
			r.samples[k.name] = append(r.samples[k.name], got)
		}
	}
	// Servers of one case only hold memory that others may want.
	for i, k := range kinds {
		if s := b.running[i]; s != nil && k.only != nil {
			delete(b.running, i)
			if err := s.end(); err != nil {
				return nil, err
			}
		}
	}
	fmt.Fprintf(os.Stderr, "bench: %s: %.0f s\n", tc.name, time.Since(begun).Seconds())
	return r, nil
}

// server returns the running server of a kind, started or started again.
func (b *bench) server(ctx context.Context, i int, k kind) (*server, error) {
	s := b.running[i]
	if s != nil && s.alive() {
		return s, nil
	}
	if s != nil {
		fmt.Fprintf(os.Stderr, "bench: %s has ended and is started again%s\n", k.name, s.said())
		delete(b.running, i)
		if err := s.end(); err != nil {
			return nil, err
		}
	}
	s, err := k.start(ctx, b.tmp, b.root)
	if err != nil {
		return nil, err
	}
	b.running[i] = s
	return s, nil
}

// probe fetches the case's file once: it warms the page cache, sees that the
// content is right, and whether the server grants the options.
func (b *bench) probe(ctx context.Context, s *server, w want) (why string, err error) {
	f, err := s.fetch(ctx, plan{want: w, clients: 1, abort: 30 * time.Second, check: true})
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, errNone) || err == nil && f.sessions == 0:
		return fmt.Sprintf("failed: %v", f.why), nil
	case err != nil:
		return "", err
	case !w.granted(f.terms):
		return fmt.Sprintf("grants %d×%d", f.terms.Blksize, f.terms.Windowsize), nil
	case f.crc != b.crc[w.file]:
		return "wrong content", nil
	}
	return "", nil
}

// end kills every server and removes what the run made.
func (b *bench) end() error {
	var errs []error
	for _, s := range b.running {
		errs = append(errs, s.end())
	}
	return errors.Join(append(errs, os.RemoveAll(b.tmp))...)
}
