package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"brood/test/harness"
	"brood/worker/workertest"
)

func TestSIGHUPLooksTheRootUpAnew(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	root := filepath.Join(tree.Dir, "root")
	serves := func(name string, size int) {
		if err := os.Mkdir(filepath.Join(tree.Dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		tree.File(filepath.Join(name, "f"), size)
		os.Remove(root)
		if err := os.Symlink(name, root); err != nil {
			t.Fatal(err)
		}
	}
	serves("one", 1000)
	cmd := harness.Command(t, "serve", "--log-format", "json", "--listen", "127.0.0.1:0", "--root", root)
	cmd.Env = m.env()
	s := harness.Start(t, cmd)
	m.wait("READY=1")
	get := func(want int) {
		t.Helper()
		client := workertest.Client{Timeout: longTimeout}
		var got strings.Builder
		if _, err := client.Get(t.Context(), s.Addr, "f", &got); err != nil || got.Len() != want {
			t.Errorf("got %d bytes, %v; want %d", got.Len(), err, want)
		}
	}
	get(1000)
	idle := harness.Children(s.PID)
	serves("two", 2000)
	s.Signal(syscall.SIGHUP)
	s.WaitN(1, "reloaded: sessions that begin from now on are served by the new configuration", nil)
	m.wait("RELOADING=1")
	m.wait("READY=1")
	if !slices.ContainsFunc(m.said, func(said string) bool { // in one message, as systemd wants them
		usec, ok := strings.CutPrefix(said, "RELOADING=1\nMONOTONIC_USEC=")
		_, err := strconv.ParseUint(usec, 10, 64)
		return ok && err == nil
	}) {
		t.Errorf("it was told %q, want the time of the reload in the message that tells of it", m.said)
	}
	for range 2 * len(idle) {
		get(2000)
	}
	os.Remove(root)
	s.Signal(syscall.SIGHUP)
	if l := s.Wait("not reloaded: what was in force still is", nil); !strings.Contains(l.String("why"), "no such file") || !strings.Contains(l.String("why"), root) {
		t.Errorf("logged %v, want it to name %s and what is wrong", l, root)
	}
	m.wait("READY=1")
	if code := s.Stop(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
}
