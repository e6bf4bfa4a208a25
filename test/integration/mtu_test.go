package integration

import (
	"bytes"
	"net/netip"
	"testing"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

func TestBlocksStayWithinTheMTUUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	link := harness.NewLink(t)
	link.SetMTU(1400)
	tree := harness.NewTree(t)
	want := tree.File("f", 300_000)
	for _, tt := range []struct {
		flags   []string
		server  netip.Addr
		blksize int
	}{
		{nil, link.ServerAddr, 1400 - 20 - 8 - 4},
		{nil, link.ServerLocal, 1400 - 40 - 8 - 4},
		{[]string{"--max-blksize", "1000"}, link.ServerAddr, 1000},
		// In fragments, and with a window: the kernel cuts a write only into what
		// goes in one piece each, so the worker falls back to single packets.
		{[]string{"--mtu-clamp", "off"}, link.ServerAddr, 8192},
		{[]string{"--mtu-clamp", "off"}, link.ServerLocal, 8192},
	} {
		s := link.Serve(append([]string{"--root", tree.Dir, "--listen", ":69"}, tt.flags...)...)
		var got bytes.Buffer
		var result *workertest.Result
		var err error
		link.AsClient(func() {
			// The timeout is there so that on a busy machine no timer is mistaken for a loss.
			client := workertest.Client{Options: []protocol.Option{
				{Name: "blksize", Value: "8192"}, {Name: "windowsize", Value: "8"}, {Name: "timeout", Value: "60"},
			}}
			result, err = client.Get(t.Context(), netip.AddrPortFrom(tt.server, 69), "f", &got)
		})
		if err != nil || !bytes.Equal(got.Bytes(), want) || result.Terms.Blksize != tt.blksize {
			t.Errorf("%v, %v: %v, %d bytes in blocks of %d; want blocks of %d", tt.flags, tt.server, err, got.Len(), result.Terms.Blksize, tt.blksize)
		}
		if l := s.Session("f"); l.String("outcome") != "complete" || l.Int("retransmissions") != 0 {
			t.Errorf("%v, %v: logged %v, want complete without a retransmission", tt.flags, tt.server, l)
		}
		if code := s.Stop(); code != 0 {
			t.Errorf("the server ended with %d", code)
		}
	}
}
