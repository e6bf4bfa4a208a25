package integration

import (
	"testing"

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
	s := harness.Serve(t, "--root", tree.Dir, "--min-idle", "0")
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
