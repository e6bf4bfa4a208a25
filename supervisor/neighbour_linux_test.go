package supervisor

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// attr is a struct rtattr with its padding.
func attr(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(attrHeaderLen+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, -len(value)&3)...)
}

// netlink is a message to or from rtnetlink(7).
func netlink(kind, flags uint16, seq uint32, header []byte, attrs ...[]byte) []byte {
	body := header
	for _, a := range attrs {
		body = append(body, a...)
	}
	e := binary.NativeEndian
	b := e.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	b = e.AppendUint16(b, kind)
	b = e.AppendUint16(b, flags)
	b = e.AppendUint32(b, seq)
	b = e.AppendUint32(b, 0)
	return append(b, body...)
}

// ndmsg is the header of a message about a neighbour.
func ndmsg(family uint8, ifindex int, state uint16) []byte {
	b := []byte{family, 0, 0, 0}
	b = binary.NativeEndian.AppendUint32(b, uint32(ifindex))
	b = binary.NativeEndian.AppendUint16(b, state)
	return append(b, 0, 0)
}

var testMAC = []byte{0x52, 0x54, 0, 0x12, 0x34, 0xfe}

func TestNeighbourRequest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		addr   string
		family uint8
	}{
		{"192.0.2.7", unix.AF_INET},
		{"2001:db8::7", unix.AF_INET6},
		{"fe80::7%3", unix.AF_INET6}, // the interface is told by its index
	} {
		addr := netip.MustParseAddr(tt.addr)
		got := neighbourRequest(42, addr, 3)
		want := netlink(unix.RTM_GETNEIGH, unix.NLM_F_REQUEST, 42, ndmsg(tt.family, 3, 0), attr(unix.NDA_DST, addr.AsSlice()))
		if string(got) != string(want) {
			t.Errorf("%s on interface 3:\n got %x\nwant %x", tt.addr, got, want)
		}
	}
}

func TestNeighbourMAC(t *testing.T) {
	t.Parallel()
	dst := attr(unix.NDA_DST, []byte{192, 0, 2, 7})
	mac := attr(unix.NDA_LLADDR, testMAC)
	entry := func(state uint16, attrs ...[]byte) []byte {
		return netlink(unix.RTM_NEWNEIGH, 0, 1, ndmsg(unix.AF_INET, 3, state), attrs...)
	}
	const text = "52:54:00:12:34:fe"
	for _, tt := range []struct {
		name string
		in   []byte
		want string
	}{
		{"a reachable neighbour", entry(unix.NUD_REACHABLE, dst, mac), text},
		{"a stale one has the address still", entry(unix.NUD_STALE, dst, mac), text},
		{"a permanent one", entry(unix.NUD_PERMANENT, dst, mac), text},
		{"attributes in another order", entry(unix.NUD_REACHABLE, mac, dst), text},
		{"attributes that are not known, with padding", entry(unix.NUD_REACHABLE, attr(99, []byte{1, 2, 3, 4, 5}), dst, attr(98, nil), mac), text},
		{"one that does not answer", entry(unix.NUD_FAILED, dst, mac), ""},
		{"one that has not answered yet", entry(unix.NUD_INCOMPLETE, dst, mac), ""},
		{"none of that address", entry(unix.NUD_REACHABLE, dst), ""},
		{"an address of another kind of link", entry(unix.NUD_REACHABLE, dst, attr(unix.NDA_LLADDR, make([]byte, 20))), ""},
		{"an error", netlink(unix.NLMSG_ERROR, 0, 1, make([]byte, 20), mac), ""},
		{"an attribute shorter than its header", entry(unix.NUD_REACHABLE, []byte{3, 0, 2, 0}, mac), ""},
		{"an attribute of no length", entry(unix.NUD_REACHABLE, []byte{0, 0, 0, 0}, mac), ""},
		{"an attribute longer than the message", entry(unix.NUD_REACHABLE, dst, []byte{255, 255, 2, 0}), ""},
		{"nothing", nil, ""},
	} {
		if got := neighbourMAC(tt.in); got != tt.want {
			t.Errorf("%s: %x gave %q, want %q", tt.name, tt.in, got, tt.want)
		}
		for i := range tt.in {
			if got := neighbourMAC(tt.in[:i]); got != "" && got != tt.want {
				t.Errorf("%s: the first %d bytes gave %q", tt.name, i, got)
			}
		}
	}
	whole := entry(unix.NUD_REACHABLE, dst, mac)
	for i := range len(whole) - 2 { // the last two are padding
		if got := neighbourMAC(whole[:i]); got != "" {
			t.Errorf("the first %d bytes of %x gave %q, want nothing", i, whole, got)
		}
	}
}

func FuzzNeighbourMAC(f *testing.F) {
	f.Add(netlink(unix.RTM_NEWNEIGH, 0, 1, ndmsg(unix.AF_INET, 3, unix.NUD_REACHABLE), attr(unix.NDA_DST, make([]byte, 4)), attr(unix.NDA_LLADDR, testMAC)))
	f.Add(netlink(unix.NLMSG_ERROR, 0, 1, make([]byte, 20)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got := neighbourMAC(b); got != "" && len(got) != len("52:54:00:12:34:56") {
			t.Fatalf("%x gave %q, want a hardware address or nothing", b, got)
		}
	})
}

func TestNeighboursOfNobody(t *testing.T) {
	t.Parallel()
	var none *neighbours // the kernel did not let us ask
	if got := none.lookup(testPeer.Addr(), 1); got != "" {
		t.Errorf("got %q", got)
	}
	n, err := openNeighbours()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(n.fd) })
	for _, tt := range []struct {
		addr    string
		ifindex int
	}{
		{"127.0.0.1", 1}, {"::1", 1}, {"192.0.2.7", 0}, {"192.0.2.7", 1}, {"192.0.2.7", 1 << 30}, {"2001:db8::7", 1},
	} {
		if got := n.lookup(netip.MustParseAddr(tt.addr), tt.ifindex); got != "" {
			t.Errorf("%s on interface %d has address %q, want none", tt.addr, tt.ifindex, got)
		}
	}
}
