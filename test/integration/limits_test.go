package integration

import (
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"brood/protocol"
	"brood/test/harness"
)

func TestRequestsBeyondMaxSessionsWaitTheirTurn(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 10)
	s := harness.Serve(t, "--root", tree.Dir, "--max-sessions", "2")
	var peers []*harness.Peer
	for range 4 {
		peer := harness.NewPeer(t, "127.0.0.1")
		peer.Send(s.Addr, harness.RRQ("f"))
		peers = append(peers, peer)
		if len(peers) <= 2 {
			peer.Data(1)
		}
	}
	for i, peer := range peers {
		if i >= 2 {
			peer.Data(1)
		}
		peer.Ack(1)
	}
	s.WaitN(4, "session", func(l harness.Line) bool { return l.String("outcome") == "complete" })
}

func TestWithoutIdleWorkersEveryRequestGetsItsOwnExec(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 10)
	s := harness.Serve(t, "--root", tree.Dir, "--min-idle", "-1")
	for n := 1; n <= 5; n++ {
		peer := harness.NewPeer(t, "127.0.0.1")
		peer.Send(s.Addr, harness.RRQ("f"))
		peer.Data(1)
		peer.Ack(1)
		s.WaitN(n, "session", nil)
	}
	if !harness.Eventually(func() bool { return len(harness.Children(s.PID)) == 0 }) {
		t.Errorf("%d workers wait, want none", len(harness.Children(s.PID)))
	}
	if c := s.Counters(); c.Int("workers-started") != 5 || c.Int("completed") != 5 {
		t.Errorf("counters %v, want 5 workers for 5 sessions", c)
	}
}

func TestRunningOutOfDescriptorsMakesRequestsWait(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 10)
	brood := []string{
		harness.Brood(t), "serve", "--root", tree.Dir, "--listen", "127.0.0.1:0",
		"--log-format", "json", "--min-idle", "2",
	}
	s := harness.Start(t, exec.Command("sh", append([]string{"-c", `ulimit -n 40 && exec "$0" "$@"`}, brood...)...))

	// A session takes five descriptors: of these, only some can run at once.
	const clients = 20
	served := make(chan *harness.Peer, clients)
	for range clients {
		peer := harness.NewPeer(t, "127.0.0.1")
		go func() {
			peer.Ask(s.Addr, harness.RRQ("f"))
			served <- peer
		}()
	}
	s.Wait("a worker did not start", nil)
	cpu := harness.CPU(s.PID)
	for range clients {
		(<-served).Ack(1)
	}
	s.WaitN(clients, "session", func(l harness.Line) bool { return l.String("outcome") == "complete" })
	if spent := harness.CPU(s.PID) - cpu; spent > 300 {
		t.Errorf("waiting for descriptors took %d ticks of CPU: it spins", spent)
	}
}

func TestRunningOutOfProcessesMakesRequestsWait(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t) // or the limit would be shared with everything else of this user
	tree := harness.NewTree(t)
	tree.File("f", 10)
	// Ids that nothing else has: the limit counts all threads of one.
	cmd := exec.Command("prlimit", "--nproc=24", harness.Brood(t), "serve", "--root", tree.Dir, "--listen", "127.0.0.1:0",
		"--log-format", "json", "--min-idle", "4", "--user", "64124")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: 64123, Gid: 64123},
		AmbientCaps: []uintptr{unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_KILL},
	}
	s := harness.Start(t, cmd)

	const clients = 40
	served := make(chan *harness.Peer, clients)
	for range clients {
		peer := harness.NewPeer(t, "127.0.0.1")
		go func() {
			// A worker that is up may want for a thread, too; then its client is told, and asks again.
			for {
				if b := peer.Ask(s.Addr, harness.RRQ("f")); b == nil || b[1] == byte(protocol.OpDATA) {
					break
				}
			}
			served <- peer
		}()
	}
	s.Wait("a worker did not start", nil)
	for range clients {
		(<-served).Ack(1)
	}
	s.WaitN(clients, "session", func(l harness.Line) bool { return l.String("outcome") == "complete" })
	c := s.Counters()
	if c.Int("refused-stale") > 0 || c.Int("worker-failures") > 4*clients {
		t.Errorf("counters %v, want nobody to wait in vain, and a bounded number of starts", c)
	}
}

func TestServerMaximaHoldAgainstWhateverIsAsked(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 5000)
	s := harness.Serve(t, "--root", tree.Dir, "--max-blksize", "1024", "--max-windowsize", "2")
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(s.Addr, harness.RRQ("f", "blksize", "65464", "windowsize", "65535", "max-blksize", "65464", "sessions", "9"))
	oack, err := protocol.ParseOACK(peer.Receive())
	want := []protocol.Option{{Name: "blksize", Value: "1024"}, {Name: "windowsize", Value: "2"}}
	if err != nil || len(oack.Options) != 2 || oack.Options[0] != want[0] || oack.Options[1] != want[1] {
		t.Errorf("OACK %v, %v, want %v", oack.Options, err, want)
	}
	peer.Send(peer.TID, (&protocol.Error{Code: protocol.CodeOptionRefused}).Append(nil))
	s.Session("f")
}
