package faults

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"brood/test/harness"
	"brood/worker/workertest"
)

// logged is a server whose log goes where a test wants it.
type logged struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr netip.AddrPort
}

func startLogged(t *testing.T, tree *harness.Tree, stderr *os.File) *logged {
	t.Helper()
	l := &logged{t: t, cmd: harness.Command(t, serveCommand(t, tree)[1:]...)}
	l.cmd.Stderr = stderr
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.cmd.Process.Kill(); l.cmd.Wait() })
	return l
}

// listening reads the address from the log's beginning.
func (l *logged) listening(lines *bufio.Scanner) {
	l.t.Helper()
	for lines.Scan() {
		line := harness.Line{}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message() == "listening" {
			l.addr = netip.MustParseAddrPort(line.String("address"))
			return
		}
	}
	l.t.Fatal("the server does not say where it listens")
}

func (l *logged) serves(n int) {
	l.t.Helper()
	for i := range n {
		client := workertest.Client{Retries: 20}
		if _, err := client.Get(l.t.Context(), l.addr, "f", io.Discard); err != nil {
			l.t.Errorf("session %d: %v", i, err)
		}
	}
}

func (l *logged) ends() {
	l.t.Helper()
	l.cmd.Process.Signal(syscall.SIGTERM)
	if err := l.cmd.Wait(); err != nil {
		l.t.Errorf("the server ended with %v", err)
	}
}

func TestTheLogsDiskIsFull(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t) // for a disk
	tree := harness.NewTree(t)
	tree.File("f", 10)
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(disk, unix.MNT_DETACH) })
	path := filepath.Join(disk, "log")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := startLogged(t, tree, file)
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if !harness.Eventually(func() bool { b, _ := os.ReadFile(path); return strings.Contains(string(b), "listening") }) {
		t.Fatal("the server does not say where it listens")
	}
	s.listening(bufio.NewScanner(reader))

	room, err := os.Create(filepath.Join(disk, "something else"))
	if err != nil {
		t.Fatal(err)
	}
	io.CopyN(room, zeros{}, 1<<20) // until it is full
	room.Close()
	s.serves(100)
	os.Remove(room.Name())
	s.serves(2)
	s.ends()

	text, _ := os.ReadFile(path)
	lost, sessions := harness.Line{}, 0
	for text := range strings.Lines(string(text)) {
		line := harness.Line{}
		if json.Unmarshal([]byte(text), &line) != nil {
			continue // torn, by the disk's end
		}
		switch line.Message() {
		case "log lines were lost":
			lost = line
		case "session":
			sessions++
		}
	}
	if lost.Int("lines") == 0 || !strings.Contains(lost.String("why"), "no space left") || sessions+lost.Int("lines") < 102 {
		t.Errorf("%d sessions are logged, and %v", sessions, lost)
	}
	rows.add(row{
		"the log's disk full", "for 100 sessions", "all served",
		fmt.Sprintf("%q, lines %d, why %q, when there was room again", lost.Message(), lost.Int("lines"), lost.String("why")),
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestTheLogsReaderIsGone(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 10)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := startLogged(t, tree, w)
	w.Close()
	s.listening(bufio.NewScanner(r))
	r.Close()
	s.serves(20)
	s.ends()
	rows.add(row{"the log's pipe closed", "its reader is gone", "all served", "nothing is left to say it to"})
}

// Whoever reads the log stands still for longer than the server keeps lines for it.
func TestTheLogsReaderStandsStill(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 10)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := startLogged(t, tree, w)
	w.Close()
	lines := bufio.NewScanner(r)
	s.listening(lines)
	sessions := scale(100, 6000)
	s.serves(sessions)
	read := make(chan harness.Line)
	go func() {
		last := harness.Line{}
		for lines.Scan() {
			line := harness.Line{}
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message() == "stats" {
				last = line
			}
		}
		read <- last
	}()
	s.ends()
	stats := <-read
	if stats.Int("completed") != sessions || *full && stats.Int("reports-lost") == 0 {
		t.Errorf("the last line of counters is %v, want %d completed, and what was lost", stats, sessions)
	}
	rows.add(row{
		"the log's pipe full", fmt.Sprintf("its reader stands still for %d sessions, then goes on", sessions), "all served",
		fmt.Sprintf("reports-lost %d; completed %d", stats.Int("reports-lost"), stats.Int("completed")),
	})
}
