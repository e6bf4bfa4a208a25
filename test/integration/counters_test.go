package integration

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"brood/protocol"
	"brood/test/harness"
)

// What the limits keep out is counted by its reason, and so is what is lost before
// anybody could read it.
func TestEachLimitCountsWhatItKeepsOut(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 10)
	s := harness.Serve(t, "--root", tree.Dir, "--max-sessions", "1", "--max-sessions-per-source", "1",
		"--max-requests-per-source", "1", "--deny", "127.0.0.9", "--timeout", "60s", "--stats-interval", "50ms")
	counted := func(what string, n int) {
		t.Helper()
		s.Wait("stats", func(l harness.Line) bool { return l.Int(what) >= n })
	}
	ask := func(from, nonce string) *harness.Peer {
		peer := harness.NewPeer(t, from)
		peer.Send(s.Addr, harness.RRQ("f", "nonce", nonce))
		return peer
	}

	ask("127.0.0.9", "0").Error(protocol.CodeAccessViolation)
	counted("refused-denied", 1)
	holder := ask("127.0.0.2", "0")
	holder.Data(1) // and has the only place
	harness.NewPeer(t, "127.0.0.2").Send(s.Addr, []byte("\x00\x04\x00\x01"))
	counted("ignored", 1)
	counted("active", 1)

	often := harness.NewPeer(t, "127.0.0.3")
	for i := range 11 { // ten at once is what one a second allows
		often.Send(s.Addr, harness.RRQ("f", "nonce", strconv.Itoa(i)))
	}
	counted("refused-too-often", 1)
	counted("waiting", 10)
	counted("refused-stale", 10) // it repeats none of them

	sockets := drops(t, s)
	s.Signal(syscall.SIGSTOP)
	flood := harness.NewPeer(t, "127.0.0.4")
	for large := make([]byte, 60_000); drops(t, s) == sockets; {
		flood.Send(s.Addr, large)
	}
	s.Signal(syscall.SIGCONT)
	counted("kernel-drops", 1)
	holder.Ack(1)
	counted("completed", 1)
}

func TestAClientsPortHasSixteenSessions(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 10)
	s := harness.Serve(t, "--root", tree.Dir, "--max-sessions", "1", "--timeout", "60s", "--stats-interval", "50ms")
	// Another has the only place: with a session, a client's further requests would
	// be that session's on a single port.
	holder := harness.NewPeer(t, "127.0.0.2")
	holder.Send(s.Addr, harness.RRQ("f"))
	holder.Data(1)
	peer := harness.NewPeer(t, "127.0.0.1")
	for i := range 17 {
		peer.Send(s.Addr, harness.RRQ("f", "nonce", strconv.Itoa(i)))
	}
	s.Wait("stats", func(l harness.Line) bool { return l.Int("refused-crowded") == 1 && l.Int("waiting") == 16 })
	s.Signal(syscall.SIGTERM)
	s.Wait("draining", nil)
	s.Signal(syscall.SIGTERM) // the holder does not acknowledge
	s.Exit()
}

// drops is what the kernel says that the server's port had no room for.
func drops(t *testing.T, s *harness.Server) (n string) {
	t.Helper()
	port := fmt.Sprintf(":%04X", s.Addr.Port())
	// The table is read bit by bit, and what changes meanwhile may hide a line.
	if !harness.Eventually(func() bool {
		// Of the server: a test may have left this process's first thread in a network
		// namespace of its own.
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/udp", s.PID))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(table)) {
			if f := strings.Fields(line); len(f) == 13 && strings.HasSuffix(f[1], port) && strings.HasSuffix(f[2], ":0000") {
				n = f[12]
				return true
			}
		}
		return false
	}) {
		t.Fatalf("no socket at %v in the server's /proc/net/udp", s.Addr)
	}
	return n
}
