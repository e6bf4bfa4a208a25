//go:build boot

package boot

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

// In a guest, whose kernel gives the controllers of memory and processes to control
// groups of version 2, workers are bounded together, and nothing that one of them does
// reaches those who are not workers.
func TestTheWorkersAreBoundedTogether(t *testing.T) {
	t.Parallel()
	if !harness.Guest(t) {
		return
	}
	t.Run("a handler that eats memory", testMemoryEater)
	t.Run("a bound on the whole server", testBoundOfAll)
	t.Run("programs that eat memory and fork without end", testPrograms)
	t.Run("an upgrade, and a supervisor that was killed", testSuccession)
	t.Run("the least that there may be", testLeast)
	t.Run("a group that was not delegated", testKept)
}

// memory is what workers may have in most of these tests. A worker of brood's takes
// about 5 MiB of it.
const memory = 96 << 20

func get(t *testing.T, s *harness.Server, file string) (string, error) {
	t.Helper()
	var b bytes.Buffer
	_, err := (&workertest.Client{Retries: 100}).Get(t.Context(), s.Addr, file, &b)
	return b.String(), err
}

// served fails the test if a file is not what the tree has.
func served(t *testing.T, s *harness.Server, tree *harness.Tree, file string) {
	t.Helper()
	want := string(tree.File(file, 100_000))
	if got, err := get(t, s, file); err != nil || got != want {
		t.Errorf("%s: got %d bytes, %v", file, len(got), err)
	}
}

// halfway begins a transfer, and returns its end.
func halfway(t *testing.T, s *harness.Server, tree *harness.Tree, file string) (finish func()) {
	t.Helper()
	want := tree.File(file, 700)
	p := harness.NewPeer(t, "127.0.0.9")
	// It has no time to lose, and the test has: nobody sends again before.
	p.Ask(s.Addr, harness.RRQ(file, "timeout", "255"))
	p.Ack(0)
	p.Data(1)
	return func() {
		t.Helper()
		p.Ack(1)
		if rest := p.Data(2); !bytes.Equal(rest, want[512:]) {
			t.Errorf("%s: %d bytes came last, want %d", file, len(rest), len(want)-512)
		}
		p.Ack(2)
	}
}

// placed looks where the processes of a server are, and returns how many are beside the
// supervisor.
func placed(t *testing.T, supervisor int) (beside int) {
	t.Helper()
	harness.IdleWorker(supervisor)
	if got := harness.GroupOf(supervisor); got != "supervisor" {
		t.Errorf("the supervisor is in %q", got)
	}
	workers := 0
	for _, pid := range harness.Children(supervisor) {
		title, want := harness.Title(pid), "supervisor"
		if title == harness.Title(supervisor) {
			continue // it has not executed anything yet, and shows its parent's title
		}
		if strings.HasPrefix(title, "brood: worker") {
			want = "workers"
			workers++
		} else {
			beside++
		}
		if got := harness.GroupOf(pid); got != want && got != "" {
			t.Errorf("%q is in %q, want %q", title, got, want)
		}
	}
	if workers == 0 {
		t.Error("there are no workers")
	}
	return beside
}

func testMemoryEater(t *testing.T) {
	unit, tree := harness.NewUnit(t, "memory", "pids"), harness.NewTree(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), rootEnv+"="+tree.Dir, memoryEnv+"="+strconv.Itoa(memory))
	cmd.SysProcAttr = unit.Start()
	s := harness.Start(t, cmd)
	placed(t, s.PID)
	finish := halfway(t, s, tree, "held")
	var e *protocol.Error
	if _, err := get(t, s, "eat-all"); !errors.As(err, &e) || e.Code != protocol.CodeUndefined {
		t.Errorf("the client got %v, want ERROR 0", err)
	}
	line := s.Session("eat-all")
	want := "killed by SIGKILL for want of memory: all workers together may have 96 MiB (WorkersMemory)"
	if line.String("outcome") != "crashed" || !strings.HasSuffix(line.String("detail"), want) {
		t.Errorf("the log says %v, want a crash with %q", line, want)
	}
	s.Wait("the kernel has killed what workers ran, for want of memory", nil)
	finish()
	served(t, s, tree, "after")
	if got := s.Session("held").String("outcome"); got != "complete" {
		t.Errorf("the session beside it is %s", got)
	}
}

// Where nobody has given workers a group of their own, they go before the supervisor, and
// there are no more of them than what the group may have of the CPUs is worth.
func testBoundOfAll(t *testing.T) {
	unit, tree := harness.NewUnit(t, "memory", "cpu"), harness.NewTree(t)
	unit.Write("memory.max", strconv.Itoa(memory))
	const cpus = 2
	unit.Write("cpu.max", fmt.Sprint(cpus*100_000, " ", 100_000))
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), rootEnv+"="+tree.Dir, memoryEnv+"=0")
	cmd.SysProcAttr = unit.Start()
	s := harness.Start(t, cmd)
	s.Wait("a control group bounds this server's memory: when that runs out the kernel ends workers first", func(l harness.Line) bool {
		return l.String("bound") == "96 MiB" && l.Int("workers-oom-score-adj") > 0
	})
	if n := runtime.NumCPU(); n != harness.GuestCPUs {
		t.Errorf("there are %d CPUs, want %d", n, harness.GuestCPUs)
	}
	s.Wait("stats", func(l harness.Line) bool { return l.Int("idle") == 2*cpus && l.Int("starting") == 0 })
	worker, most := harness.IdleWorker(s.PID), (32<<20)*1000/memory+1 // of 32 MB more than it has
	if !harness.Eventually(func() bool { return harness.OOMScore(t, worker) == most }) {
		t.Errorf("a worker counts for %d, want %d", harness.OOMScore(t, worker), most)
	}
	if n := harness.OOMScore(t, s.PID); n != 0 {
		t.Errorf("the supervisor counts for %d, want 0", n)
	}
	var e *protocol.Error
	if _, err := get(t, s, "eat-all"); !errors.As(err, &e) || e.Code != protocol.CodeUndefined {
		t.Errorf("the client got %v, want ERROR 0", err)
	}
	if line := s.Session("eat-all"); line.String("outcome") != "crashed" {
		t.Errorf("the log says %v, want a crash", line)
	}
	served(t, s, tree, "after")
}

// settings is a configuration file whose content are a tree and the greedy programs.
func settings(t *testing.T, tree *harness.Tree, memory string, tasks int) {
	t.Helper()
	text := fmt.Sprintf("workers-memory: %s\nworkers-tasks: %d\ncontent:\n  tree: {files: {root: %s}}\n", memory, tasks, tree.Dir)
	rules := "rules:\n"
	for name := range greedy {
		text += fmt.Sprintf("  %s: {exec: {command: [/init, %s], deadline: 20s}}\n", name, name)
		rules += fmt.Sprintf("  - {match: {file: [%s]}, handler: %s}\n", name, name)
	}
	path := filepath.Join(tree.Dir, "brood.yaml")
	if err := os.WriteFile(path, []byte(text+rules+"default: tree\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func testPrograms(t *testing.T) {
	unit, tree := harness.NewUnit(t, "memory", "pids"), harness.NewTree(t)
	settings(t, tree, "96MiB", 120)
	cmd := exec.Command(harness.GuestBrood, "serve", "--config", filepath.Join(tree.Dir, "brood.yaml"), "--listen", "127.0.0.1:0",
		"--log-format", "json", "--min-idle", "1", "--http", "127.0.0.1:0")
	cmd.SysProcAttr = unit.Start()
	s := harness.Start(t, cmd)
	s.Wait("a helper runs", nil)
	if n := placed(t, s.PID); n != 1 {
		t.Errorf("%d helpers, want 1", n)
	}

	finish := halfway(t, s, tree, "held-1")
	var e *protocol.Error
	if _, err := get(t, s, "eat"); !errors.As(err, &e) || e.Code != protocol.CodeUndefined {
		t.Errorf("a program that eats memory: the client got %v, want ERROR 0", err)
	}
	s.Wait("the kernel has killed what workers ran, for want of memory", nil)
	finish()

	finish = halfway(t, s, tree, "held-2")
	if _, err := get(t, s, "fork"); !errors.As(err, &e) || e.Code != protocol.CodeUndefined {
		t.Errorf("a program that forks without end: the client got %v, want ERROR 0", err)
	}
	s.Wait("workers could start no more processes or threads", nil)
	finish()
	served(t, s, tree, "after")
	for _, file := range []string{"held-1", "held-2", "after"} {
		if got := s.Session(file).String("outcome"); got != "complete" {
			t.Errorf("%s is %s", file, got)
		}
	}

	finish = halfway(t, s, tree, "held-3")
	harness.NewPeer(t, "127.0.0.8").Send(s.Addr, harness.RRQ("fill"))
	if !harness.Eventually(func() bool { return unit.Read("workers/pids.current") == "120" }) {
		t.Errorf("there are %s processes and threads, want 120", unit.Read("workers/pids.current"))
	}
	settings(t, tree, "128MiB", 200)
	s.Signal(syscall.SIGHUP)
	s.Wait("reloaded: sessions that begin from now on are served by the new configuration", nil)
	bounds(t, unit, 128<<20, 200)
	served(t, s, tree, "reloaded")
	finish()
	s.Session("fill")
	placed(t, s.PID)
}

// bounds looks at those that the kernel goes by.
func bounds(t *testing.T, unit *harness.Unit, memory, tasks int) {
	t.Helper()
	for file, want := range map[string]int{"memory.max": memory, "pids.max": tasks} {
		if got := unit.Read("workers/" + file); got != strconv.Itoa(want) {
			t.Errorf("%s is %s, want %d", file, got, want)
		}
	}
}

// asService takes from what this test starts the capabilities that brood.service takes
// from a supervisor that is started as root.
func asService(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // for good: the thread ends with the test
	has := []uintptr{
		unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_ADMIN, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_SETPCAP, unix.CAP_KILL,
		unix.CAP_DAC_READ_SEARCH, unix.CAP_CHOWN,
	}
	for c := range uintptr(unix.CAP_LAST_CAP + 1) {
		if slices.Contains(has, c) {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
}

func testSuccession(t *testing.T) {
	asService(t)
	unit, tree := harness.NewUnit(t, "memory", "pids", "cpu"), harness.NewTree(t)
	unit.Write("cpu.max", "200000 100000")
	flags := []string{"--root", tree.Dir, "--listen", "127.0.0.1:0", "--min-idle", "1", "--workers-memory", "64MiB", "--workers-tasks", "150"}
	start := func() *harness.Server {
		cmd := exec.Command(harness.GuestBrood, append([]string{"serve", "--log-format", "json"}, flags...)...)
		cmd.SysProcAttr = unit.Start()
		return harness.Start(t, cmd)
	}
	first := harness.Upgradable{Server: start()}
	first.Now = first.PID
	finish := halfway(t, first.Server, tree, "held-1")
	first.Upgrade()
	placed(t, first.Now)
	bounds(t, unit, 64<<20, 150)
	// It is not in the unit's own group, which has the quota.
	if env := harness.ReadFile(t, fmt.Sprintf("/proc/%d/environ", first.Now)); !bytes.Contains(env, []byte("GOMAXPROCS=2\x00")) {
		t.Errorf("an upgrade's new process goes by all CPUs: its environment is %q", env)
	}
	served(t, first.Server, tree, "upgraded")
	finish()
	first.Left(first.Before)

	finish = halfway(t, first.Server, tree, "held-2")
	syscall.Kill(first.Now, syscall.SIGKILL)
	first.Left(first.Now)
	if code := first.Exit(); code != 0 {
		t.Errorf("the process that was replaced ended with code %d", code)
	}
	unit.Release()
	second := start()
	placed(t, second.PID)
	bounds(t, unit, 64<<20, 150)
	served(t, second, tree, "after")
	finish()
}

func testLeast(t *testing.T) {
	unit, tree := harness.NewUnit(t, "memory", "pids"), harness.NewTree(t)
	cmd := exec.Command(harness.GuestBrood, "serve", "--root", tree.Dir, "--listen", "127.0.0.1:0", "--log-format", "json",
		"--min-idle", "1", "--workers-memory", "16MiB", "--workers-tasks", "32")
	cmd.SysProcAttr = unit.Start()
	s := harness.Start(t, cmd)
	for i := range 3 {
		served(t, s, tree, fmt.Sprint("file-", i))
	}
	bounds(t, unit, 16<<20, 32)
}

// Such as the session of a login, where a supervisor that root tries would move the
// shell.
func testKept(t *testing.T) {
	unit := harness.NewUnit(t, "memory", "pids")
	unit.Keep()
	cmd := exec.Command(harness.GuestBrood, "serve", "--root", "/tmp", "--listen", "127.0.0.1:0", "--workers-tasks", "100")
	cmd.SysProcAttr = unit.Start()
	out, err := cmd.CombinedOutput()
	if want := "/brood.service: systemd keeps it for itself"; err == nil || !strings.Contains(string(out), want) {
		t.Errorf("%v, and it says %q; want %q", err, out, want)
	}
	if got := unit.Read("cgroup.subtree_control"); got != "" {
		t.Errorf("the group gives %q to others", got)
	}
}

// greedy are what this executable does as a program of a handler's, until it is killed.
var greedy = map[string]func(){"eat": eat, "fork": fork, "fill": fill}

func eat() {
	for {
		b, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			panic(err) // not the bound that this is about
		}
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
	}
}

// fork makes processes that all do the same. They do nothing that takes memory.
func fork() {
	pause := unix.NsecToTimespec(int64(50 * time.Millisecond))
	for {
		if _, _, errno := unix.RawSyscall(unix.SYS_FORK, 0, 0, 0); errno != 0 {
			unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&pause)), 0, 0)
		}
	}
}

// fill makes as many processes as there may be once, and then no more.
func fill() {
	for {
		if child, _, errno := unix.RawSyscall(unix.SYS_FORK, 0, 0, 0); child == 0 || errno != 0 {
			break
		}
	}
	for {
		unix.RawSyscall(unix.SYS_PAUSE, 0, 0, 0)
	}
}
