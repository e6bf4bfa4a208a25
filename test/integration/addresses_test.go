package integration

import (
	"net/netip"
	"testing"

	"brood/protocol"
	"brood/test/harness"
)

func TestAnswersComeFromTheAddressThatWasAsked(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 10)
	s := harness.Serve(t, "--root", tree.Dir, "--listen", ":0")
	port := s.Addr.Port()
	for _, tt := range []struct{ client, asked string }{
		{"127.0.0.1", "127.0.0.1"},
		{"127.0.0.1", "127.0.0.2"},
		{"127.0.0.7", "127.1.2.3"},
		{"::1", "::1"},
	} {
		asked := netip.AddrPortFrom(netip.MustParseAddr(tt.asked), port)
		peer := harness.NewPeer(t, tt.client)
		peer.Send(asked, harness.RRQ("f"))
		peer.Data(1)
		if peer.TID.Addr() != asked.Addr() {
			t.Errorf("asked %v, DATA came from %v", asked, peer.TID)
		}
		peer.Ack(1)
		peer.Send(asked, []byte("\x00\x02w\x00octet\x00"))
		peer.Error(protocol.CodeAccessViolation)
		if peer.TID != asked {
			t.Errorf("asked %v, ERROR came from %v", asked, peer.TID)
		}
	}
}

func TestSeveralListenersServeTheSame(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 10)
	s := harness.Serve(t, "--root", tree.Dir, "--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0", "--listen", "[::1]:0")
	for _, l := range s.WaitN(3, "listening", nil) {
		addr := netip.MustParseAddrPort(l.String("address"))
		peer := harness.NewPeer(t, map[bool]string{true: "127.0.0.1", false: "::1"}[addr.Addr().Is4()])
		peer.Send(addr, harness.RRQ("f"))
		peer.Data(1)
		peer.Ack(1)
	}
	s.WaitN(3, "session", nil)
}

func TestSessionsStayInThePortRangeAndWaitForIt(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 10)
	s := harness.Serve(t, "--root", tree.Dir, "--port-range", "39990-39991")
	var held []*harness.Peer
	for range 2 {
		peer := harness.NewPeer(t, "127.0.0.1")
		peer.Send(s.Addr, harness.RRQ("f"))
		peer.Data(1)
		if port := peer.TID.Port(); port < 39990 || port > 39991 {
			t.Errorf("a session answers from port %d", port)
		}
		held = append(held, peer)
	}
	third := harness.NewPeer(t, "127.0.0.1")
	third.Send(s.Addr, harness.RRQ("f"))
	s.Wait("requests wait: out of a resource", nil)
	held[0].Ack(1)
	third.Data(1) // it has the port that was given back
	third.Ack(1)
	held[1].Ack(1)
	s.WaitN(3, "session", func(l harness.Line) bool { return l.String("outcome") == "complete" })
}
