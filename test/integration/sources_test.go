package integration

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

// A machine that asks again and again from new ports, and never answers, keeps
// the places that one address may have, and its own requests waiting. Others are
// served as if it were not there.
func TestOneAddressCantKeepOthersOut(t *testing.T) {
	t.Parallel()
	const flood, honest, places = 200, 10, 4
	tree := harness.NewTree(t)
	want := tree.File("file", 30_000)
	s := harness.Serve(t, "--root", tree.Dir, "--max-sessions", fmt.Sprint(places+1), "--max-sessions-per-source", fmt.Sprint(places))
	request := protocol.Request{Op: protocol.OpRRQ, File: "file"}.Append(nil)
	for range flood {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.WriteToUDPAddrPort(request, s.Addr); err != nil {
			t.Fatal(err)
		}
	}
	for i := range honest {
		var got bytes.Buffer
		client := workertest.Client{Local: netip.MustParseAddr(fmt.Sprintf("127.0.0.%d", 3+i))}
		if _, err := client.Get(t.Context(), s.Addr, "file", &got); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("an honest client got %d bytes, %v", got.Len(), err)
		}
	}
	s.Signal(syscall.SIGTERM)
	s.Wait("draining", nil)
	s.Signal(syscall.SIGTERM)
	s.Exit()
	stats := s.WaitN(1, "stats", nil)
	if c := stats[len(stats)-1]; c.Int("started") != places+honest || c.Int("completed") != honest {
		t.Errorf("counters %v, want %d sessions of the flood and %d others", c, places, honest)
	}
}
