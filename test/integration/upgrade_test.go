package integration

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"brood/test/harness"
	"brood/worker/workertest"
)

// upgradable is a server whose executable is a file of its own.
type upgradable struct {
	*harness.Server
	t    *testing.T
	exe  string
	pid  int // that serves now
	made int // upgrades
}

func startUpgradable(t *testing.T, env []string, flags ...string) *upgradable {
	t.Helper()
	dir, err := os.MkdirTemp("", "brood-upgrade") // which the server's own user can reach
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	u := &upgradable{t: t, exe: filepath.Join(dir, "brood")}
	u.install(harness.Brood(t))
	cmd := harness.Command(t, append([]string{"serve", "--log-format", "json", "--listen", "127.0.0.1:0"}, flags...)...)
	cmd.Path, cmd.Args[0], cmd.Env = u.exe, u.exe, env
	u.Server = harness.Start(t, cmd)
	u.pid = u.PID
	t.Cleanup(func() { u.end() }) // before the harness's own
	return u
}

// end ends the process that serves, and returns the first one's exit code: the log
// is the end of all.
func (u *upgradable) end() int {
	u.t.Helper()
	syscall.Kill(u.pid, syscall.SIGTERM)
	return u.Exit()
}

// left waits until a process of an upgrade has left: all but the first are reaped
// by somebody.
func (u *upgradable) left(pid int) {
	u.t.Helper()
	if !harness.Eventually(func() bool {
		state := harness.Status(pid, "State")
		return state == "" || strings.HasPrefix(state, "Z")
	}) {
		u.t.Errorf("process %d does not end", pid)
	}
}

// install puts another file in the executable's place.
func (u *upgradable) install(from string) {
	u.t.Helper()
	if err := harness.Install(from, u.exe+".new"); err != nil {
		u.t.Fatal(err)
	}
	if err := os.Rename(u.exe+".new", u.exe); err != nil {
		u.t.Fatal(err)
	}
}

// upgrade has the process that serves replaced, and waits until the next one serves.
func (u *upgradable) upgrade() {
	u.t.Helper()
	syscall.Kill(u.pid, syscall.SIGUSR2)
	u.made++
	lines := u.WaitN(u.made, "upgraded: the new process serves", nil)
	u.pid = lines[u.made-1].Int("pid")
	u.WaitN(u.made+1, "listening", nil)
}

func TestTenUpgradesInARowLoseNothing(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	want := string(tree.File("f", 30_000))
	u := startUpgradable(t, nil, "--root", tree.Dir)
	small := smallBuffers(u)
	var served, failed atomic.Int64
	var stop atomic.Bool
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for !stop.Load() {
				var got strings.Builder
				// One try only: a request that is lost fails.
				client := workertest.Client{Timeout: longTimeout}
				if _, err := client.Get(t.Context(), u.Addr, "f", &got); err != nil || got.String() != want {
					failed.Add(1)
					t.Errorf("%d bytes, %v", got.Len(), err)
					return
				}
				served.Add(1)
			}
		})
	}
	for i := range 10 {
		before := served.Load()
		u.upgrade()
		if !harness.Eventually(func() bool { return served.Load() > before+8 || failed.Load() > 0 }) {
			t.Fatalf("after upgrade %d nobody is served", i+1)
		}
	}
	stop.Store(true)
	clients.Wait()
	// Root makes them as large as it likes; the others, who are not root, leave it so.
	if n := smallBuffers(u); small == 0 && n > 0 {
		t.Errorf("%d processes say that the ports' buffers are too small, and the first did not", n)
	}
	if code := u.end(); code != 0 {
		t.Errorf("the first process ended with %d", code)
	}
	for _, l := range u.WaitN(int(served.Load()), "session", nil) {
		if l.String("outcome") != "complete" {
			t.Errorf("logged %v", l)
		}
	}
}

// smallBuffers is how many processes said that they could not make the ports'
// receive buffers as large as they want them.
func smallBuffers(u *upgradable) (n int) {
	for _, l := range u.Log() {
		if strings.HasPrefix(l.Message(), "the ports' receive buffers are smaller") {
			n++
		}
	}
	return n
}

func TestAnUpgradeKeepsWhoIsServedAndWhoWaits(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	u := startUpgradable(t, nil, "--root", tree.Dir, "--max-sessions", "1")
	holder, waiting := harness.NewPeer(t, "127.0.0.1"), harness.NewPeer(t, "127.0.0.2")
	holder.Send(u.Addr, harness.RRQ("f"))
	holder.Data(1)
	waiting.Send(u.Addr, harness.RRQ("f"))
	u.upgrade()
	u.Wait("draining", func(l harness.Line) bool { return l.String("at-most") == "10m0s" })
	holder.Send(u.Addr, harness.RRQ("f")) // it is being answered, by the old process
	waiting.Data(1)
	if l := u.Wait("taken over", nil); l.Int("waiting") != 1 || l.Int("served-there") != 1 {
		t.Errorf("logged %v, want one that waits and one that is served", l)
	}
	for _, peer := range []*harness.Peer{holder, waiting} {
		peer.Ack(1)
		peer.Data(2)
		peer.Ack(2)
		peer.Data(3)
		peer.Ack(3)
	}
	u.WaitN(2, "session", func(l harness.Line) bool { return l.String("outcome") == "complete" })
	u.left(u.PID)
	if code := u.end(); code != 0 {
		t.Errorf("the old process ended with %d", code)
	}
	stats := u.WaitN(2, "stats", nil)
	// The repetition is the new one's to read, or, on a single port, the session's.
	if c := stats[1]; c.Int("started") != 1 || c.Int("duplicates")+stats[0].Int("duplicates") != 1 {
		t.Errorf("the processes count %v and %v, want one session each and one duplicate", stats[0], c)
	}
}

func TestAnUpgradeThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	u := startUpgradable(t, nil, "--root", tree.Dir)
	script := func(text string) {
		if err := os.WriteFile(u.exe+".script", []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		u.install(u.exe + ".script")
	}
	for i, tt := range []struct{ script, says string }{
		{"this is no program", "exec format error"},
		{"#!/bin/sh\necho broken >&2; exit 1\n", "ended before it was ready"},
		{"#!/bin/sh\necho X >&3; exec cat <&3\n", "ended before it was ready"}, // says what nobody understands
	} {
		script(tt.script)
		u.Signal(syscall.SIGUSR2)
		if l := u.WaitN(i+1, "no upgrade", nil)[i]; !strings.Contains(l.String("why"), tt.says) {
			t.Errorf("logged %v, want %q", l, tt.says)
		}
		client := workertest.Client{Timeout: longTimeout}
		if _, err := client.Get(t.Context(), u.Addr, "f", io.Discard); err != nil {
			t.Errorf("after %q: %v", tt.script, err)
		}
	}
	u.install(harness.Brood(t))
	u.upgrade()
	client := workertest.Client{Timeout: longTimeout}
	if _, err := client.Get(t.Context(), u.Addr, "f", io.Discard); err != nil {
		t.Errorf("after one that works: %v", err)
	}
}

func TestTheServiceManagerFollowsAnUpgrade(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	tree := harness.NewTree(t)
	u := startUpgradable(t, m.env("WATCHDOG_USEC=1000000"), "--root", tree.Dir)
	m.wait("READY=1")
	u.upgrade()
	m.wait(fmt.Sprintf("MAINPID=%d", u.pid))
	u.left(u.PID)
	m.messages(time.Millisecond, "") // what was said until then
	m.wait("WATCHDOG=1")
	if code := u.end(); code != 0 {
		t.Errorf("the old process ended with %d", code)
	}
	m.wait("STOPPING=1")
	for _, said := range m.said {
		if strings.Contains(said, "STOPPING") && said != m.said[len(m.said)-1] {
			t.Errorf("it was told %q: the old process has stopped, the service has not", m.said)
		}
	}
}
