package harness

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of a test. It is not an expectation: what takes
// that long has failed.
const patience = 60 * time.Second

// Server is a running brood, or another program built on package supervisor
// which logs JSON to standard error.
type Server struct {
	Addr netip.AddrPort // of its first listener
	PID  int

	process
	lines  []Line
	forget string // lines with this message are not kept
}

// Line is one line of a server's log.
type Line map[string]any

// Message is the line's constant part.
func (l Line) Message() string { return l.String("@message") }

// String returns a field as text, "" if it is absent.
func (l Line) String(key string) string {
	if v, ok := l[key]; ok {
		return fmt.Sprint(v)
	}
	return ""
}

// Int returns a number, 0 if it is absent.
func (l Line) Int(key string) int { return int(l.Number(key)) }

// Number is Int with what follows the point.
func (l Line) Number(key string) float64 {
	n, _ := l[key].(float64)
	return n
}

// Seconds returns a number of seconds as what it is.
func (l Line) Seconds(key string) time.Duration {
	return time.Duration(l.Number(key) * float64(time.Second))
}

// Serve starts brood on a port of the kernel's choice on 127.0.0.1, unless flags
// say where, and waits until it listens. It ends with the test, which fails if
// the server did not end well.
func Serve(t testing.TB, flags ...string) *Server {
	t.Helper()
	if !strings.Contains(strings.Join(flags, " "), "--listen") {
		flags = append(flags, "--listen", "127.0.0.1:0")
	}
	args := append([]string{"serve", "--log-format", "json", "--log-level", "debug"}, flags...)
	return Start(t, Command(t, args...))
}

// Command returns a brood command that has not been started, to be run as Serve
// would run it.
func Command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	if raceEnabled && slices.Contains(args, "serve") && !slices.Contains(args, "--sandbox") {
		args = append(args, "--sandbox", "off") // the detector reads /proc and has terabytes of address space
	}
	if text := strings.Join(args, " "); SinglePort() && slices.Contains(args, "serve") &&
		!strings.Contains(text, "--port-range") && !strings.Contains(text, "--single-port") {
		args = append(args, "--single-port")
	}
	cmd := exec.Command(Brood(t), args...)
	cmd.SysProcAttr = credentials(cmd)
	return cmd
}

// Start is Serve for any command.
func Start(t testing.TB, cmd *exec.Cmd) *Server {
	t.Helper()
	s := Launch(t, cmd)
	line := s.Wait("listening", nil)
	addr, err := netip.ParseAddrPort(line.String("address"))
	if err != nil {
		t.Fatalf("log line %v: %v", line, err)
	}
	s.Addr = addr
	return s
}

// Launch is Start for a command that may not come up.
func Launch(t testing.TB, cmd *exec.Cmd) *Server {
	t.Helper()
	cmd.SysProcAttr = credentials(cmd)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &Server{PID: cmd.Process.Pid}
	s.init(t, cmd)
	go s.read(stderr)
	t.Cleanup(func() {
		if s.running() {
			if code := s.Stop(); code != 0 {
				t.Errorf("the server ended with code %d", code)
			}
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", strings.Join(cmd.Args, " "), s.dump())
		}
	})
	return s
}

func (s *Server) read(stderr io.Reader) {
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := Line{}
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			line = Line{"@message": "(not JSON)", "text": lines.Text()}
		}
		s.mu.Lock()
		if s.forget == "" || line.Message() != s.forget {
			s.lines = append(s.lines, line)
		}
		s.more.Broadcast()
		s.mu.Unlock()
	}
	// Whoever holds the pipe has let go of it; what is left is to collect the process.
	s.cmd.Wait()
	s.end()
}

func (s *Server) running() bool {
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

func (s *Server) dump() string {
	var b strings.Builder
	lines := s.Log()
	if n := len(lines) - 40; n > 0 {
		fmt.Fprintf(&b, "(%d lines before)\n", n)
		lines = lines[n:]
	}
	for _, l := range lines {
		text, _ := json.Marshal(l)
		b.Write(append(text, '\n'))
	}
	return b.String()
}

// Log returns the lines so far.
func (s *Server) Log() []Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Line(nil), s.lines...)
}

// Forget has lines with this message not kept from now on: those of a very long run
// would fill the memory.
func (s *Server) Forget(message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget = message
}

// Wait returns the first line, past or to come, that has this message and is
// accepted by ok, if ok is not nil.
func (s *Server) Wait(message string, ok func(Line) bool) Line {
	s.t.Helper()
	lines := s.WaitN(1, message, ok)
	return lines[0]
}

// WaitN waits until n lines have this message and are accepted by ok, and
// returns all such lines.
func (s *Server) WaitN(n int, message string, ok func(Line) bool) []Line {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Line
	if !s.until(patience, func() bool {
		found = nil
		for _, l := range s.lines {
			if l.Message() == message && (ok == nil || ok(l)) {
				found = append(found, l)
			}
		}
		return len(found) >= n
	}) {
		s.t.Fatalf("%d log lines %q, want %d (ended: %v)", len(found), message, n, s.ended)
	}
	return found
}

// Session waits for the log line of a session with this file.
func (s *Server) Session(file string) Line {
	s.t.Helper()
	return s.Wait("session", func(l Line) bool { return l.String("file") == file })
}

// Signal sends one.
func (s *Server) Signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// Stop has the server drain and returns its exit code.
func (s *Server) Stop() int {
	s.t.Helper()
	s.Signal(syscall.SIGTERM)
	return s.Exit()
}

// Kill ends the server by SIGKILL.
func (s *Server) Kill() {
	s.t.Helper()
	s.Signal(syscall.SIGKILL)
	<-s.done
}

// Exit waits for the server's end and returns its exit code.
func (s *Server) Exit() int {
	s.t.Helper()
	return s.exit(patience)
}

// Counters ends the server and returns the counters that it logged last.
func (s *Server) Counters() Line {
	s.t.Helper()
	if code := s.Stop(); code != 0 {
		s.t.Fatalf("the server ended with code %d", code)
	}
	stats := s.WaitN(1, "stats", nil)
	return stats[len(stats)-1]
}
