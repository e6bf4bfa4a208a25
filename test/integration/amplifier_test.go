package integration

import (
	"fmt"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"brood/test/harness"
)

// TestAForgedSourceGetsFewPackets: whoever asks in another's name has that one get
// at most 1 + Retries packets, each of one block or one OACK, whatever is asked
// for. The victim here is a socket that says nothing.
func TestAForgedSourceGetsFewPackets(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 200_000)
	mixes := [][]string{nil}
	for _, option := range [][]string{
		{"blksize", "8"},
		{"blksize", "1428"},
		{"blksize", "65464"},
		{"windowsize", "16"},
		{"windowsize", "65535"},
		{"timeout", "1"},
		{"utimeout", "20000"},
		{"tsize", "0"},
		{"rollover", "0"},
		{"unknown", "1"},
	} {
		for _, mix := range mixes {
			if len(mix) < 6 || option[0] == "tsize" { // up to three at once, and tsize with each of these
				mixes = append(mixes, append(mix[:len(mix):len(mix)], option...))
			}
		}
	}
	// So many strangers may say nothing in a second: several servers are sooner done.
	for some := range slices.Chunk(mixes, 32) {
		t.Run(fmt.Sprint(some[0]), func(t *testing.T) {
			t.Parallel()
			forge(t, tree, some)
		})
	}
}

func forge(t *testing.T, tree *harness.Tree, mixes [][]string) {
	t.Helper()
	const retries = 2
	s := harness.Serve(t, "--root", tree.Dir, "--retries", fmt.Sprint(retries), "--timeout", "50ms", "--max-sessions-per-source", "1024")
	type victim struct {
		*net.UDPConn
		request []byte
		mix     []string
		packets int
		bytes   int
	}
	buf := make([]byte, 1<<16)
	receive := func(v *victim, patience time.Duration) bool {
		v.SetReadDeadline(time.Now().Add(patience))
		n, _, err := v.ReadFromUDPAddrPort(buf)
		if err != nil && !os.IsTimeout(err) {
			t.Fatal(err)
		}
		if err != nil {
			return false
		}
		v.packets, v.bytes = v.packets+1, v.bytes+n
		if n > 4+512 {
			t.Errorf("%q: a packet of %d bytes before the first ACK", v.mix, n)
		}
		return true
	}
	var victims []victim
	for _, mix := range mixes {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		v := victim{UDPConn: conn, request: harness.RRQ("f", mix...), mix: mix}
		if _, err := conn.WriteToUDPAddrPort(v.request, s.Addr); err != nil {
			t.Fatal(err)
		}
		// One after the other: who does not repeat a request is not waited for.
		if !receive(&v, time.Minute) {
			t.Fatalf("%q: no answer", mix)
		}
		victims = append(victims, v)
	}
	s.WaitN(len(victims), "session", func(l harness.Line) bool { return l.String("outcome") == "timed-out" })
	most := 0
	for _, v := range victims {
		for receive(&v, time.Millisecond) { // all has been sent, and loopback keeps nothing back
		}
		if v.packets > 1+retries {
			t.Errorf("%q: %d packets, want at most %d", v.mix, v.packets, 1+retries)
		}
		most = max(most, v.bytes/len(v.request))
	}
	t.Logf("%d mixes of options; at most %d bytes for one of a request's", len(victims), most)
}
