package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"brood/protocol"
	"brood/test/harness"
)

// A network that fails for a while costs a session no more than that while.
func TestTheNetworkFailsInMidSession(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault, done  string
		break_, mend func(*harness.Link)
	}{
		{
			"ENETUNREACH", "the route to the client is taken away for 2 s",
			func(l *harness.Link) { l.IP(l.Server, "route", "delete", "192.0.2.0/24", "dev", "eth0") },
			func(l *harness.Link) {
				l.IP(l.Server, "route", "add", "192.0.2.0/24", "dev", "eth0", "src", l.ServerAddr.String())
			},
		},
		{
			"the address removed", "the interface loses the address that the client asked, for 2 s",
			func(l *harness.Link) {
				l.IP(l.Server, "address", "add", "192.0.2.3/25", "dev", "eth0") // or the route would go, too
				l.IP(l.Server, "address", "delete", l.ServerAddr.String()+"/24", "dev", "eth0")
			},
			func(l *harness.Link) {
				l.IP(l.Server, "address", "delete", "192.0.2.3/25", "dev", "eth0")
				l.IP(l.Server, "address", "add", l.ServerAddr.String()+"/24", "brd", "+", "dev", "eth0")
			},
		},
		{
			"the link down", "for 2 s",
			func(l *harness.Link) { l.IP(l.Server, "link", "set", "eth0", "down") },
			func(l *harness.Link) { l.IP(l.Server, "link", "set", "eth0", "up") },
		},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			l := harness.NewLink(t)
			tree := harness.NewTree(t)
			tree.File("f", 1300)
			s := l.Serve("--root", tree.Dir, "--listen", l.ServerAddr.String()+":69", "--log-level", "debug")
			var peer *harness.Peer
			l.AsClient(func() { peer = harness.NewPeer(t, l.ClientAddr.String()) })
			peer.Send(s.Addr, harness.RRQ("f"))
			peer.Data(1)
			tt.break_(l)
			peer.Ack(1) // what it is answered by can't go out, or this does not come in
			peer.Silent(2 * time.Second)
			tt.mend(l)
			peer.Ack(1) // as a client repeats it
			for block := uint16(0); block < 3; {
				// What was sent again meanwhile comes first, in any number.
				d, err := protocol.ParseData(peer.Receive())
				if err != nil || d.Block > 3 {
					t.Fatalf("block %d, %v", d.Block, err)
				}
				block = d.Block
				peer.Ack(block)
			}
			line := s.Session("f")
			if line.String("outcome") != "complete" {
				t.Errorf("logged %v, want complete", line)
			}
			rows.add(row{tt.fault, tt.done, "goes on when it is back", fmt.Sprintf("complete, %d retransmissions", line.Int("retransmissions"))})
		})
	}
}

func TestAFirewallRefusesWhatIsSent(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1300)
	group := harness.NewFirewall(t)
	s := harness.Start(t, group.Inside(harness.Command(t, serveCommand(t, tree, "--timeout", "200ms", "--retries", "3")[1:]...)))
	begin := func() *harness.Peer {
		peer := harness.NewPeer(t, "127.0.0.1")
		peer.Send(s.Addr, harness.RRQ("f"))
		peer.Data(1)
		return peer
	}

	peer := begin()
	open := group.Refuse()
	for !peer.Silent(10 * time.Millisecond) {
		// Block 1 was sent again before, to a test that was slow.
	}
	peer.Ack(1)
	if !peer.Silent(time.Second) {
		t.Error("the firewall lets packets through: nothing is tried")
	}
	open()
	peer.Data(2)
	peer.Ack(2)
	peer.Data(3)
	peer.Ack(3)
	l := s.Wait("session", func(l harness.Line) bool { return l.String("outcome") == "complete" })

	peer = begin()
	open = group.Refuse()
	defer open()
	peer.Ack(1)
	lost := s.Wait("session", func(l harness.Line) bool { return l.String("outcome") == "timed-out" })
	if !strings.Contains(lost.String("detail"), "operation not permitted") {
		t.Errorf("logged %v, want it to say what the kernel said", lost)
	}
	rows.add(row{
		"EPERM", "a firewall refuses what the server sends, for a second, and for ever", "goes on when it is let through; hears nothing",
		fmt.Sprintf("complete, %d retransmissions; timed-out (%s)", l.Int("retransmissions"), lost.String("detail")),
	})
}

func TestAClientClosesItsPort(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1300)
	s := harness.Serve(t, "--root", tree.Dir)
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(s.Addr, harness.RRQ("f"))
	peer.Data(1)
	peer.Ack(1)
	peer.Conn.Close()
	l := s.Session("f")
	if l.String("outcome") != "peer-gone" && l.String("outcome") != "timed-out" {
		t.Errorf("logged %v, want peer-gone", l)
	}
	rows.add(row{"ECONNREFUSED", "the client closes its port", "is gone", l.String("outcome") + ", " + l.String("detail")})
}
