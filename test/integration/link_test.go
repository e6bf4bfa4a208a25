package integration

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"brood/protocol"
	"brood/test/harness"
)

func TestOnALinkBroadcastsAreAnsweredAndHardwareAddressesKnown(t *testing.T) {
	t.Parallel()
	link := harness.NewLink(t)
	tree := harness.NewTree(t)
	want := tree.File("f", 100)
	s := link.Serve("--root", tree.Dir, "--listen", ":69")
	for _, tt := range []struct {
		name          string
		from          string
		asked, answer netip.Addr
	}{
		{"unicast", "192.0.2.2", link.ServerAddr, link.ServerAddr},
		{"limited broadcast", "192.0.2.2", netip.MustParseAddr("255.255.255.255"), link.ServerAddr},
		{"subnet broadcast", "192.0.2.2", netip.MustParseAddr("192.0.2.255"), link.ServerAddr},
		{"IPv6 link-local", "::", link.ServerLocal, link.ServerLocal},
	} {
		var peer *harness.Peer
		link.AsClient(func() {
			peer = harness.NewPeer(t, tt.from)
			raw, err := peer.Conn.SyscallConn()
			if err == nil {
				err = raw.Control(func(fd uintptr) {
					unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1)
				})
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		peer.Send(netip.AddrPortFrom(tt.asked, 69), harness.RRQ("f"))
		if got := peer.Data(1); string(got) != string(want) {
			t.Errorf("%s: wrong content", tt.name)
		}
		if got := peer.TID.Addr().WithZone(""); got != tt.answer.WithZone("") {
			t.Errorf("%s: answered from %v, want %v", tt.name, got, tt.answer)
		}
		peer.Ack(1)
		peer.Send(netip.AddrPortFrom(tt.asked, 69), []byte("\x00\x02f\x00octet\x00"))
		peer.Error(protocol.CodeAccessViolation)
		if got := peer.TID; got.Addr().WithZone("") != tt.answer.WithZone("") || got.Port() != 69 {
			t.Errorf("%s: refused from %v, want %v:69", tt.name, got, tt.answer)
		}
	}
	for _, l := range s.WaitN(4, "session", nil) {
		if l.String("mac") != link.ClientMAC || l.String("outcome") != "complete" {
			t.Errorf("logged %v, want complete with mac %s", l, link.ClientMAC)
		}
	}
}
