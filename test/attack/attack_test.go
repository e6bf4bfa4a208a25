package attack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

const bystanders = 20

// attack is one of them, and what has to come of it.
type attack struct {
	name      string // of its handler
	what      string // it tries
	refusedBy string
	level     string                        // of the sandbox; "" is strict
	args      func(*scene) string           // of the handler
	during    func(*scene, *sync.WaitGroup) // runs beside it
	lines     string                        // a pattern for each line of the report that the client gets
	err       string                        // what the client gets in place of one
	outcome   string                        // in the log
	detail    string                        // in that line, or in its stack
	counted   string                        // as what
	after     func(*scene)
}

// refused is how the kernel says no: by the filter's errors or Landlock's.
const refused = `: (operation not permitted|permission denied|function not implemented)$`

// scene is what an attack takes place in.
type scene struct {
	*testing.T
	*harness.Server
	tree   *harness.Tree
	secret string // a file that everybody may read but for the sandbox
	report string // what the attack's client got

	sibling int // an idle worker that was attacked

	release func() // lets the bystanders finish
	others  sync.WaitGroup
}

func ownNumber(*scene) string { return fmt.Sprint(bystanders + 1) }

var attacks = []attack{
	{
		name: "read", what: "open /etc/shadow, the supervisor's /proc/PID/mem and other files", refusedBy: "Landlock: not in ReadPaths",
		args:  func(s *scene) string { return fmt.Sprint(s.PID) },
		lines: `: (permission denied|no such file or directory)$`, outcome: "complete", counted: "completed",
	},
	{
		name: "escape", what: "leave the root by a link that is swapped 10,000 times", refusedBy: "Landlock: judges where a link leads",
		args: func(*scene) string { return "flip" }, during: (*scene).flip,
		lines: `^(inside|open: permission denied|open: no such file or directory)$`, outcome: "complete", counted: "completed",
	},
	{
		name: "connect", what: "connect out by TCP, UDP, unix, netlink and packet sockets, io_uring", refusedBy: "filter: socket, io_uring_setup",
		lines: refused, outcome: "complete", counted: "completed",
	},
	{
		name: "sendto", what: "send to another address on the session's own socket", refusedBy: "filter: sendto, sendmsg, connect, bind, setsockopt",
		args: (*scene).sink, lines: refused, outcome: "complete", counted: "completed",
	},
	{
		name: "run", what: "execute a shell, itself, a memfd", refusedBy: "filter: execve, execveat, clone, memfd_create",
		lines: refused, outcome: "complete", counted: "completed",
	},
	{
		name: "fork-bomb", what: "fork 10,000 times", refusedBy: "filter: clone but for threads, clone3, vfork",
		lines: `^children: 0 of 10000, operation not permitted$|` + refused, outcome: "complete", counted: "completed",
	},
	{
		name: "thread-bomb", what: "make 200 threads", refusedBy: "the runtime's bound of 64 threads",
		err: "Server process failed", outcome: "crashed", detail: "thread exhaustion", counted: "crashed",
	},
	{
		name: "signal", what: "ptrace, kill, tkill, tgkill, renice the supervisor, a thread of it, a sibling", refusedBy: "filter; and ids, Landlock's scope",
		args: (*scene).victims, lines: refused, outcome: "complete", counted: "completed",
		after: func(s *scene) {
			// It may have served somebody by now, and ended well.
			for _, l := range s.Log() {
				if l.Message() == "an idle worker died" || l.Int("worker") == s.sibling && l.String("outcome") == "crashed" {
					s.Errorf("the sibling %d: %v", s.sibling, l)
				}
			}
		},
	},
	{
		name: "write", what: "create, write, truncate, remove, chmod anywhere", refusedBy: "Landlock, filter, ids",
		lines: refused, outcome: "complete", counted: "completed",
		after: func(s *scene) {
			if b, err := os.ReadFile(filepath.Join(s.tree.Dir, "file")); err != nil || string(b) != "inside" {
				s.Errorf("the served file holds %q, %v", b, err)
			}
			for _, dir := range []string{s.tree.Dir, "/", "/tmp", "/dev/shm", "/var/tmp"} {
				if found, _ := filepath.Glob(filepath.Join(dir, "brood-attack*")); found != nil {
					s.Errorf("left behind: %v", found)
				}
			}
		},
	},
	{
		name: "privileges", what: "become root, dumpable, less limited; mount, bpf, keyctl", refusedBy: "filter",
		lines: refused, outcome: "complete", counted: "completed",
	},
	{
		name: "allocate", what: "allocate 8 GB", refusedBy: "RLIMIT_AS",
		err: "Server process failed", outcome: "crashed", detail: "out of memory", counted: "crashed",
	},
	{
		name: "files", what: "open 10,000 files", refusedBy: "RLIMIT_NOFILE",
		lines: `^opened 2\d\d: too many open files$`, outcome: "complete", counted: "completed",
	},
	{
		name: "close-all", what: "close every descriptor", refusedBy: "nothing; the supervisor has its own of the session's socket",
		err: "Server process failed", outcome: "crashed", counted: "crashed",
	},
	{
		name: "dup-over", what: "put the stats pipe in the session socket's place", refusedBy: "the frame reader: no frame begins so",
		err: "Server process failed", outcome: "violated", counted: "crashed",
	},
	{
		name: "misuse", what: "write to the control socket, shut it down, read the stats pipe", refusedBy: "nothing; nobody listens there",
		lines: `: (DONE|bad file descriptor|illegal seek|broken pipe)$`, outcome: "complete", counted: "completed",
	},
	{
		name: "hold-pipes", what: "hold the pipes open from a grandchild (at level exec)", level: "exec", refusedBy: "nothing; the pidfd tells of the end, the pipes need not",
		lines: `^grandchild \d+: DONE$`, outcome: "complete", counted: "completed", after: (*scene).endGrandchild,
	},
	{
		name: "flood", what: "write a million frames", refusedBy: "the allowance: 256 at once, 2 a second",
		args: ownNumber, err: "Server process failed", outcome: "violated", detail: "more frames than the contract allows", counted: "crashed",
	},
	{
		name: "cut-short", what: "write half a frame and exit", refusedBy: "the frame reader: a session ends by a final frame",
		args: ownNumber, err: "Server process failed", outcome: "crashed", counted: "crashed",
	},
	{
		name: "forge-other", what: "end another session", refusedBy: "the session's number in each frame",
		args: ownNumber, err: "Server process failed", outcome: "violated", detail: "no session of its own", counted: "crashed",
	},
	{
		name: "forge-numbers", what: "claim 2^60 bytes", refusedBy: "bounds of plausible numbers",
		args: ownNumber, err: "Server process failed", outcome: "violated", detail: "numbers that can't be", counted: "crashed",
	},
	{
		name: "hostile-msgpack", what: "announce an array of 2^31 elements", refusedBy: "the decoder: one fixed shape, nothing allocated for a claim",
		err: "Server process failed", outcome: "violated", counted: "crashed",
	},
	{
		name: "shout", what: "write to standard error without end", refusedBy: "the quota of 256 KiB",
		err: "Server process failed", outcome: "violated", detail: "256 KiB of output", counted: "crashed",
	},
	{
		name: "spin", what: "spin for ever", refusedBy: "OpenTimeout, here 3 s; the worker exits by itself",
		err: "took too long", outcome: "open-timeout", counted: "failed",
	},
	{
		name: "helper-socket", what: "pass descriptors to the helper, make sockets, address others by its socket", refusedBy: "filter: sendmsg, sendto, connect, bind, socketpair, setsockopt",
		lines: refused, outcome: "complete", counted: "completed", after: (*scene).helped,
	},
	{
		name: "helper-file", what: "change the file that the helper has given", refusedBy: "the descriptor is for reading; filter, Landlock, ids",
		lines: refused + `|: (bad file descriptor|invalid argument)$`, outcome: "complete", counted: "completed", after: (*scene).helped,
	},
	{
		name: "helper-flood", what: "ask the helper without end, in messages of every shape", refusedBy: "the socket is its own: it fills, and the helper hangs up",
		lines: `: (resource temporarily unavailable|broken pipe)$`, outcome: "complete", counted: "completed", after: (*scene).helped,
	},
	{
		name: "helper-break", what: "shut the helper's socket down, read it, put it elsewhere", refusedBy: "nothing; nobody else has that socket",
		lines: `: (DONE|resource temporarily unavailable)$`, outcome: "complete", counted: "completed", after: (*scene).helped,
	},
	{
		name: "ignore-term", what: "ignore SIGTERM and hang while the server drains", refusedBy: "SIGKILL by pidfd, a second after SIGTERM",
		during: (*scene).drain, err: "shutting down", outcome: "drained", counted: "ended",
	},
}

func TestAttacks(t *testing.T) {
	if harness.Race() {
		t.Fatal("the race detector does not run in a sandbox")
	}
	for i, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, a.level)
			rows[i] = s.play(&a)
		})
	}
}

func newScene(t *testing.T, level string) *scene {
	t.Helper()
	tree := harness.NewTree(t)
	tree.Write("root/file", []byte("inside"))
	tree.Write("secret", []byte("SECRET"))
	s := &scene{T: t, tree: tree, secret: filepath.Join(tree.Dir, "secret")}
	tree.Dir = filepath.Join(tree.Dir, "root")
	// Permissions are to refuse nothing: what is refused, the sandbox refuses.
	for path, mode := range map[string]os.FileMode{tree.Dir: 0o777, filepath.Join(tree.Dir, "file"): 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if level == "" {
		level = "strict"
	}
	cmd := exec.Command(harness.Self(t))
	cmd.Env = append(os.Environ(), serverEnv+"="+level, rootEnv+"="+tree.Dir)
	s.Server = harness.Start(t, cmd)
	return s
}

// play has bystanders' transfers under way, the attack take place, and then the
// transfers end. It returns the row of the table.
func (s *scene) play(a *attack) []string {
	hold := make(chan struct{})
	s.release = sync.OnceFunc(func() { close(hold) })
	for n := range bystanders {
		s.others.Go(func() {
			name := fmt.Sprint("good-", n)
			w := &held{hold: hold}
			if err := s.get(name, w); err != nil || !bytes.Equal(w.Bytes(), goodContent(name)) {
				s.Errorf("bystander %d got %d bytes, %v", n, w.Len(), err)
			}
		})
	}
	if !harness.Eventually(func() bool { return s.serving("good-") == bystanders }) {
		s.Fatalf("%d bystanders are being served, want %d", s.serving("good-"), bystanders)
	}

	file := a.name
	if a.args != nil {
		file += " " + a.args(s)
	}
	var beside sync.WaitGroup
	if a.during != nil {
		a.during(s, &beside)
	}
	var got bytes.Buffer
	err := s.get(file, &got)
	s.report = got.String()
	beside.Wait()
	s.release()
	s.others.Wait()
	s.check(a, err)
	if a.after != nil {
		a.after(s)
	}
	if a.outcome != "drained" { // it serves on
		if err := s.get("good-afterwards", io.Discard); err != nil {
			s.Errorf("after the attack: %v", err)
		}
	}

	line := s.Session(file)
	if line.String("outcome") != a.outcome || !strings.Contains(line.String("detail")+line.String("stack"), a.detail) {
		s.Errorf("the log says %v, want outcome %s and %q", line, a.outcome, a.detail)
	}
	var counters harness.Line
	if a.outcome == "drained" {
		s.Exit()
		counters = s.Wait("stats", nil)
	} else {
		counters = s.Counters()
	}
	if counters.Int(a.counted) < 1 || counters.Int("active") != 0 || counters.Int("failures") != 0 {
		s.Errorf("counters %v, want one %s", counters, a.counted)
	}
	client := "ERROR: " + a.err
	if err == nil {
		tries := strings.Count(s.report, "\n") + 1
		client = fmt.Sprintf("its report: %d of %d tries refused", tries-strings.Count(s.report, ": DONE"), tries)
	}
	log := "outcome=" + a.outcome
	if a.detail != "" {
		log += fmt.Sprintf(" (%s)", a.detail)
	}
	return []string{a.what, a.refusedBy, client, log, a.counted}
}

func (s *scene) check(a *attack, err error) {
	s.Helper()
	if a.err != "" {
		var e *protocol.Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, a.err) {
			s.Errorf("its client got %d bytes and %v, want ERROR %q", len(s.report), err, a.err)
		}
		return
	}
	if err != nil {
		s.Errorf("its client got %v, want its report", err)
	}
	want := regexp.MustCompile(a.lines)
	for line := range strings.Lines(s.report) {
		if line = strings.TrimSuffix(line, "\n"); !want.MatchString(line) {
			s.Errorf("%s, want %s", line, a.lines)
		}
	}
}

func (s *scene) get(file string, w io.Writer) error {
	client := workertest.Client{Options: []protocol.Option{{Name: "blksize", Value: "1428"}}, Retries: 10}
	_, err := client.Get(context.Background(), s.Addr, file, w)
	return err
}

// serving is how many workers have a file whose name begins so.
func (s *scene) serving(name string) (n int) {
	for _, pid := range harness.Children(s.PID) {
		if strings.Contains(harness.Title(pid), " "+name) {
			n++
		}
	}
	return n
}

// held is a client's disk that is slow until hold is closed.
type held struct {
	bytes.Buffer
	hold <-chan struct{}
}

func (h *held) Write(p []byte) (int, error) {
	if h.Len() > 0 {
		<-h.hold
	}
	return h.Buffer.Write(p)
}

// flip swaps a link between a served file and the secret, and asks for it.
func (s *scene) flip(beside *sync.WaitGroup) {
	link, next := filepath.Join(s.tree.Dir, "flip"), filepath.Join(s.tree.Dir, "next")
	if err := os.Symlink(s.secret, link); err != nil {
		s.Fatal(err)
	}
	var got bytes.Buffer
	if err := s.get("escape flip", &got); err != nil || got.String() != "open: permission denied" {
		s.Errorf("with the link on the secret: %q, %v", got.String(), err)
	}
	done := make(chan struct{})
	beside.Go(func() {
		defer close(done)
		for n := range 10_000 {
			target := s.secret
			if n%2 == 0 {
				target = "file"
			}
			if err := errors.Join(os.Symlink(target, next), os.Rename(next, link)); err != nil {
				s.Error(err)
				return
			}
		}
	})
	for range 4 {
		beside.Go(func() {
			for {
				var got bytes.Buffer
				if err := s.get("escape flip", &got); err != nil || strings.Contains(got.String(), "SECRET") {
					s.Errorf("asked for a link in flight: %q, %v", got.String(), err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
}

// sink is a socket that must stay without a datagram.
func (s *scene) sink() string {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		defer conn.Close()
		raw, err := conn.SyscallConn()
		if err != nil {
			s.Fatal(err)
		}
		raw.Control(func(fd uintptr) {
			if n, _, err := unix.Recvfrom(int(fd), make([]byte, 100), unix.MSG_DONTWAIT); err == nil {
				s.Errorf("%d bytes arrived at a stranger's", n)
			}
		})
	})
	return fmt.Sprint(conn.LocalAddr().(*net.UDPAddr).Port)
}

// victims are the supervisor, a thread of it, and an idle worker.
func (s *scene) victims() string {
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", s.PID))
	idle := harness.IdleWorker(s.PID)
	if idle == 0 {
		s.Fatal("no idle worker to attack")
	}
	s.sibling = idle
	return fmt.Sprintf("%d %s %d", s.PID, tasks[len(tasks)-1].Name(), idle)
}

func (s *scene) drain(beside *sync.WaitGroup) {
	beside.Go(func() {
		s.Wait("a worker says", func(l harness.Line) bool { return l.String("line") == "ignoring" })
		s.Signal(syscall.SIGTERM)
		s.Wait("draining", nil)
		s.release()
		s.others.Wait()
		s.Signal(syscall.SIGTERM)
	})
}

func (s *scene) endGrandchild() {
	var pid int
	if _, err := fmt.Sscanf(s.report, "grandchild %d:", &pid); err != nil {
		s.Fatalf("%q: %v", s.report, err)
	}
	if name := harness.Status(pid, "Name"); name != "sleep" {
		s.Fatalf("process %d is %q, want the grandchild", pid, name)
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		s.Error(err)
	}
}
