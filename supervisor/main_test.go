package supervisor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"brood/ipc"
	workers "brood/worker"
)

// childEnv names what the test binary is to be when a test executes it again:
// Run changes a whole process for good, and so do namespaces.
const childEnv = "BROOD_TEST_CHILD"

var children = map[string]func() int{
	"serve":      serveChild,
	"network":    networkChild,
	"root":       rootChild,
	"limits":     limitsChild,
	"mark":       markChild,
	"dumpable":   dumpableChild,
	"undumpable": undumpableChild,
}

func TestMain(m *testing.M) {
	if code, ok := workers.Dispatch(newTestHandler, workers.Options{}); ok {
		os.Exit(code)
	}
	if os.Getenv(ipc.RoleEnv) == ipc.RoleHelper {
		os.Exit(helperChild(os.Args[1:]))
	}
	if name := os.Getenv(childEnv); name != "" {
		os.Exit(children[name]())
	}
	os.Exit(m.Run())
}

// self is a command that runs this binary as a child. It is executed through a
// descriptor: the path may lead through directories that only we may enter.
func self(t *testing.T, child string, env ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { exe.Close() })
	// With umask 077 it could be executed by nobody else. Only its owner may change that.
	if info, err := exe.Stat(); err == nil && info.Mode()&0o005 != 0o005 {
		exe.Chmod(0o755)
	}
	// A child that hangs is a failure, not a test that never ends.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "/proc/self/fd/3")
	cmd.ExtraFiles = []*os.File{exe}
	// The race detector's second of patience at the end is for nobody.
	cmd.Env = append(append(os.Environ(), childEnv+"="+child, "GORACE=atexit_sleep_ms=0"), env...)
	var stderr bytes.Buffer // to be read after Wait
	cmd.Stderr = &stderr
	return cmd, &stderr
}

// unprivileged makes a child of root an ordinary user that may change its
// workers' ids, as a service manager would start it. That also works where a
// process can't leave root by itself, as with cgo and so with -race.
func unprivileged(cmd *exec.Cmd) {
	if os.Geteuid() != 0 {
		return
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: ownID, Gid: ownID},
		AmbientCaps: []uintptr{unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_KILL, unix.CAP_NET_BIND_SERVICE},
	}
}

// newTestHandler is what the workers of a test's server run. The configuration
// is what the constructor does; the file name is what Open does.
func newTestHandler(config []byte) (workers.Handler, error) {
	switch what := string(config); {
	case what == "panic":
		panic("constructor")
	case strings.HasPrefix(what, "refuse:"):
		return nil, errors.New(strings.TrimPrefix(what, "refuse:"))
	}
	return workers.HandlerFunc(func(_ context.Context, req *workers.Request) (workers.Response, error) {
		verb, arg, _ := strings.Cut(req.File, "/")
		switch verb {
		case "bytes":
			n, err := strconv.Atoi(arg)
			return workers.Bytes(content(n)), err
		case "say":
			fmt.Println("to stdout")
			fmt.Fprintln(os.Stderr, "to stderr")
			return workers.Bytes(nil), nil
		case "status":
			b, err := os.ReadFile("/proc/self/status")
			return workers.Bytes(b), err
		case "limits":
			b, err := os.ReadFile("/proc/self/limits")
			return workers.Bytes(b), err
		case "descriptors":
			return workers.Bytes([]byte(strings.Join(inherited(), "\n"))), nil
		case "panic":
			panic("handler")
		case "exit":
			code, _ := strconv.Atoi(arg)
			unix.Exit(code) // os.Exit takes the race detector a second
		case "config":
			return workers.Bytes(config), nil
		case "ask":
			b, err := askHelper(arg)
			return workers.Bytes(b), err
		case "missing":
			return nil, fs.ErrNotExist
		}
		return nil, fmt.Errorf("the test handler knows no %q", verb)
	}), nil
}

// content is n bytes that no shift leaves alike.
func content(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i) ^ byte(i>>8) ^ byte(i>>16)
	}
	return b
}

// descriptors lists what this process has open, as "number file".
func descriptors() []string {
	entries, _ := os.ReadDir("/proc/self/fd")
	var open []string
	for _, e := range entries {
		if file, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			open = append(open, e.Name()+" "+file) // the directory's own is closed by now
		}
	}
	return open
}

// inherited lists the numbers that a program executed by this process would have open.
func inherited() []string {
	var numbers []string
	for _, open := range descriptors() {
		number, _, _ := strings.Cut(open, " ")
		fd, _ := strconv.Atoi(number)
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

// spec is what a test's server is started with: Options as they can be told.
type spec struct {
	Config                                 string
	Listen, ReadPaths                      []string
	Sandbox                                SandboxLevel
	MinIdle, MaxIdle, MaxSessions, Retries int
	PortRange                              PortRange
	Helper                                 []string // its arguments; none: no helper
	HelperDir, HelperListen                string
	HelperAccess                           Access
	Admin                                  string // the socket's path
}

// helpers are those that a specification names, with that configuration.
func (sp *spec) helpers(config string) []Helper {
	if sp.Helper == nil {
		return nil
	}
	return []Helper{{Name: "tester", Path: "/proc/self/exe", Args: sp.Helper, Config: []byte(config), Dir: sp.HelperDir, Workers: true, Listen: sp.HelperListen, Access: sp.HelperAccess}}
}

// event is one line that a server in a child process says on standard output.
type event struct {
	Addrs    []netip.AddrPort `json:",omitempty"`
	Session  *SessionStats    `json:",omitempty"`
	Server   *ServerStats     `json:",omitempty"`
	Reloaded string           `json:",omitempty"` // what came of it
	Ran      bool             // Run has returned
	Err      string           // what New or Run failed with
}

// serveChild is a server. It drains when standard input says so or ends.
func serveChild() int {
	unix.CloseOnExec(3) // the executable; see self
	var sp spec
	if err := json.Unmarshal([]byte(os.Getenv("BROOD_TEST_SPEC")), &sp); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	out := json.NewEncoder(os.Stdout)
	var mu sync.Mutex // reports and reloads come from different goroutines
	say := func(e event) {
		mu.Lock()
		defer mu.Unlock()
		out.Encode(e)
	}
	o := Options{
		Config:         []byte(sp.Config),
		ReadPaths:      sp.ReadPaths,
		Helpers:        sp.helpers("first"),
		Sandbox:        sp.Sandbox,
		Listen:         sp.Listen,
		MinIdle:        sp.MinIdle,
		MaxIdle:        sp.MaxIdle,
		MaxSessions:    sp.MaxSessions,
		Retries:        sp.Retries,
		PortRange:      sp.PortRange,
		DrainTimeout:   time.Hour, // ends by Hurry or not at all
		StatsInterval:  time.Hour,
		Admin:          Admin{Path: sp.Admin, Program: "tester 1", ConfigFile: "/etc/tester", Config: []byte("first")},
		OnSessionStats: func(s SessionStats) { say(event{Session: &s}) },
		OnServerStats:  func(s ServerStats) { say(event{Server: &s}) },
		Logger:         hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: os.Stderr}),
	}
	o.Admin.Reload = func() (Options, error) {
		next := o
		next.Admin.Config = bytes.Repeat([]byte("second"), 20_000) // more than a frame holds
		if sp.Config == "unreloadable" {
			return next, errors.New("it is gone")
		}
		return next, nil
	}
	sup, err := New(o)
	if err != nil {
		say(event{Err: err.Error()})
		return 1
	}
	say(event{Addrs: sup.Addrs()})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		var command string
		for {
			if _, err := fmt.Scanln(&command); err != nil {
				return
			}
			switch command {
			case "drain":
				cancel()
			case "hurry":
				sup.Hurry()
			case "other-helper":
				next := o
				next.Helpers = sp.helpers("second")
				sup.Reload(func() (Options, error) { return next, nil }, func(err error) { say(event{Reloaded: fmt.Sprint(err)}) })
			default:
				config, ok := strings.CutPrefix(command, "reload:")
				if ok {
					next := o
					next.Config = []byte(config)
					sup.Reload(func() (Options, error) {
						if why, ok := strings.CutPrefix(config, "unreadable:"); ok {
							return next, errors.New(why)
						}
						return next, nil
					}, func(err error) { say(event{Reloaded: fmt.Sprint(err)}) })
				}
			}
		}
	}()
	last := event{Ran: true}
	if err := sup.Run(ctx); err != nil {
		last.Err = err.Error()
	}
	say(last)
	return 0
}

// server is a supervisor in a process of its own.
type server struct {
	t      *testing.T
	addr   netip.AddrPort
	stdin  io.WriteCloser
	events *json.Decoder
	cmd    *exec.Cmd
	log    *bytes.Buffer
}

func startServer(t *testing.T, sp spec, inherit ...*os.File) *server {
	t.Helper()
	if sp.Listen == nil {
		sp.Listen = []string{"127.0.0.1:0"}
	}
	if raceEnabled {
		sp.Sandbox = SandboxOff // the detector reads /proc and has terabytes of address space
	}
	told, err := json.Marshal(sp)
	if err != nil {
		t.Fatal(err)
	}
	cmd, log := self(t, "serve", "BROOD_TEST_SPEC="+string(told))
	unprivileged(cmd)
	cmd.ExtraFiles = append(cmd.ExtraFiles, inherit...)
	s := &server{t: t, cmd: cmd, log: log}
	s.stdin, err = cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.events = json.NewDecoder(stdout)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stdin.Close()
		cmd.Cancel()
		cmd.Wait()
		if t.Failed() {
			t.Logf("the server's log:\n%s", log)
		}
	})
	s.addr = s.next().Addrs[0]
	return s
}

// next waits for the next thing that the server says.
func (s *server) next() event {
	s.t.Helper()
	var e event
	if err := s.events.Decode(&e); err != nil {
		s.t.Fatalf("the server says no more: %v", err)
	}
	return e
}

func (s *server) tell(command string) {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.stdin, command); err != nil {
		s.t.Fatal(err)
	}
}

// end is everything that the server says until Run has returned.
func (s *server) end() (sessions []SessionStats, last ServerStats, err string) {
	s.t.Helper()
	servers := 0
	for {
		e := s.next()
		switch {
		case e.Session != nil:
			sessions = append(sessions, *e.Session)
		case e.Server != nil:
			servers++
			last = *e.Server
		case e.Ran:
			if servers != 1 {
				s.t.Errorf("OnServerStats was called %d times, want once, at the end", servers)
			}
			return sessions, last, e.Err
		}
	}
}

// said is the server's log. It must have ended.
func (s *server) said() string {
	s.t.Helper()
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("the server's process: %v", err)
	}
	return s.log.String()
}
