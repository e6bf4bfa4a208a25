package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// address is where every server listens, each in its own namespace.
var address = netip.MustParseAddrPort("127.0.0.1:69")

// kind is a server that can be measured.
type kind struct {
	name    string
	version string
	command []string // {root} and {port} are replaced
	env     []string
	ours    bool
	// only names the cases that it takes part in; nil: all but those that name
	// servers themselves.
	only []string
	// ideal: no server but the bench's own (ideal_linux.go); it has no processes
	// and takes part where the client's limit is of interest.
	ideal bool
}

// server is one that runs.
type server struct {
	kind
	ns    namespace
	group *group
	cmd   *exec.Cmd
	gone  chan struct{} // closed when the first process has ended
	log   string        // path
	stop  context.CancelFunc
}

var started int // how many servers, for names

// start runs a server and waits until it serves the file "tiny".
func (k kind) start(ctx context.Context, tmp, root string) (s *server, err error) {
	started++
	name := fmt.Sprintf("brood-bench-%d-%d", os.Getpid(), started)
	s = &server{kind: k, ns: namespace(name), gone: make(chan struct{})}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w%s", k.name, err, s.said())
			err = errors.Join(err, s.end())
			s = nil
		}
	}()
	if err := s.ns.create(); err != nil {
		s.ns.end()
		s.ns = ""
		return s, err
	}
	if k.ideal {
		x, err := newIdeal(root)
		if err != nil {
			return s, err
		}
		var serving context.Context
		serving, s.stop = context.WithCancel(context.WithoutCancel(ctx)) // end stops it
		go func() {
			if err := s.ns.do(func() error { return x.serve(serving, address) }); err != nil {
				fmt.Fprintln(os.Stderr, "bench: ideal:", err)
			}
			close(s.gone)
		}()
		return s, s.ready(ctx)
	}
	if s.group, err = newGroup(name); err != nil {
		s.group = nil
		return s, err
	}
	s.log = filepath.Join(tmp, name+".log")
	log, err := os.Create(s.log)
	if err != nil {
		return s, err
	}
	defer log.Close()
	replace := strings.NewReplacer("{root}", root, "{port}", "69")
	// The shell goes into the group before the server exists, so that nothing of
	// the server runs elsewhere.
	args := []string{"-c", `echo $$ >"$0/cgroup.procs" && echo $$ >"$1/cgroup.procs" && shift && exec "$@"`, s.group.dir, s.group.limit, "ip", "netns", "exec", name}
	for _, a := range k.command {
		args = append(args, replace.Replace(a))
	}
	s.cmd = exec.Command("/bin/sh", args...)
	s.cmd.Env = append(os.Environ(), k.env...)
	s.cmd.Dir = "/"
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return s, err
	}
	go func() {
		s.cmd.Wait()
		close(s.gone)
	}()
	return s, s.ready(ctx)
}

func (s *server) ready(ctx context.Context) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		f, err := s.fetch(ctx, plan{want: want{file: "tiny"}, clients: 1, abort: 500 * time.Millisecond})
		switch {
		case err == nil && f.sessions == 1:
			_, err := s.group.settled()
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case !s.alive():
			return errors.New("it ended at once")
		case time.Now().After(deadline):
			return fmt.Errorf("it does not serve: %w", errors.Join(err, f.why))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *server) alive() bool {
	select {
	case <-s.gone:
		return false
	default:
		return true
	}
}

// said is the end of the server's output, for error messages.
func (s *server) said() string {
	b, err := os.ReadFile(s.log)
	if err != nil || len(b) == 0 {
		return ""
	}
	return "\n" + string(b[max(0, len(b)-800):])
}

// supervisorCPU is the CPU time of the first process alone, to 10 ms.
func (s *server) supervisorCPU() time.Duration {
	if s.cmd == nil {
		return 0
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	_, rest, ok := bytes.Cut(b, []byte(") ")) // the name may have spaces
	f := bytes.Fields(rest)
	if err != nil || !ok || len(f) < 13 {
		return 0
	}
	ticks := int64(0)
	for _, field := range f[11:13] { // user and system time
		n, _ := strconv.ParseInt(string(field), 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// lines is how many lines the server has logged.
func (s *server) lines() int {
	b, _ := os.ReadFile(s.log)
	return bytes.Count(b, []byte("\n"))
}

// fetch runs a plan where the server is.
func (s *server) fetch(ctx context.Context, p plan) (f *fetched, err error) {
	if !p.server.IsValid() {
		p.server = address
	}
	f = &fetched{}
	err = s.ns.do(func() error {
		var err error
		f, err = p.run(ctx)
		return err
	})
	return f, err
}

func (s *server) dropped() (n int64, err error) {
	err = s.ns.do(func() error {
		n, err = dropped()
		return err
	})
	return n, err
}

// end kills the server and removes what was made for it.
func (s *server) end() error {
	var errs []error
	if s.group != nil {
		errs = append(errs, s.group.end())
	}
	if s.stop != nil {
		s.stop()
	}
	if s.cmd != nil || s.stop != nil {
		<-s.gone
	}
	if s.ns != "" {
		errs = append(errs, s.ns.end())
	}
	return errors.Join(errs...)
}
