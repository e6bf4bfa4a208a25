package integration

import (
	"math/rand/v2"
	"testing"
	"time"

	"brood/ipc"
	"brood/protocol"
	"brood/test/harness"
)

func TestARepeatedRequestIsOneSession(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 100)
	s := harness.Serve(t, "--root", tree.Dir)
	peer := harness.NewPeer(t, "127.0.0.1")
	for range 5 {
		peer.Send(s.Addr, harness.RRQ("f"))
	}
	peer.Data(1)
	tid := peer.TID
	for range 3 { // with the session surely alive
		peer.Send(s.Addr, harness.RRQ("f"))
	}
	// A request from another port tells that the repetitions have been read.
	other := harness.NewPeer(t, "127.0.0.1")
	other.Send(s.Addr, harness.RRQ("missing"))
	other.Error(protocol.CodeNotFound)
	peer.Send(tid, protocol.Ack{Block: 1}.Append(nil))
	s.Session("f")
	c := s.Counters()
	least := 7
	if harness.SinglePort() {
		least = ipc.MaxHandBacks // what a session's socket gets is passed on so often in a second
	}
	if d := c.Int("duplicates"); c.Int("started") != 2 || d < least || d > 7 || c.Int("requests") != 2+d {
		t.Errorf("counters %v, want 2 started, 7 duplicates or at least %d, and 2 requests more", c, least)
	}
}

func TestALaterRequestEndsTheFormerSessionAtItsFirstACK(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("old", 2000)
	tree.File("new", 2000)
	s := harness.Serve(t, "--root", tree.Dir, "--timeout", "30s", "--single-port=false")
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(s.Addr, harness.RRQ("old"))
	peer.Data(1)
	old := peer.TID
	peer.Send(s.Addr, harness.RRQ("new"))
	peer.Data(1)
	latest := peer.TID
	if old == latest {
		t.Fatalf("both sessions answer from %v", old)
	}

	// Unconfirmed, the new one could be a forgery: the old one goes on.
	peer.Send(old, protocol.Ack{Block: 1}.Append(nil))
	peer.Data(2)
	if peer.TID != old {
		t.Fatalf("DATA 2 came from %v, want the old session's %v", peer.TID, old)
	}

	peer.Send(latest, protocol.Ack{Block: 1}.Append(nil))
	peer.Data(2)
	if l := s.Session("old"); l.String("outcome") != "superseded" {
		t.Errorf("the old session: %v, want superseded", l)
	}
	for block := uint16(2); block <= 4; block++ {
		peer.Send(latest, protocol.Ack{Block: block}.Append(nil))
		if block < 4 {
			peer.Data(block + 1) // and no ERROR of the old session comes in between
		}
	}
	if l := s.Session("new"); l.String("outcome") != "complete" {
		t.Errorf("the new session: %v, want complete", l)
	}
	if c := s.Counters(); c.Int("completed") != 1 || c.Int("ended") != 1 {
		t.Errorf("counters %v, want 1 completed and 1 ended", c)
	}
}

// A boot ROM that was reset sends the very request that it sent before, from the
// very port.
func TestAClientThatStartsAnewIsServedAnew(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	want := tree.File("pxelinux.0", 1000)
	s := harness.Serve(t, "--root", tree.Dir)
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(s.Addr, harness.RRQ("pxelinux.0"))
	peer.Data(1)
	old := peer.TID
	peer.Ack(1)
	peer.Data(2)
	served := func() bool { // the old session goes on sending DATA 2 meanwhile
		b := peer.Ask(s.Addr, harness.RRQ("pxelinux.0"))
		d, err := protocol.ParseData(b)
		return err == nil && d.Block == 1 && string(d.Payload) == string(want[:512]) && (harness.SinglePort() || peer.TID != old)
	}
	if !harness.Eventually(served) {
		t.Fatal("it gets nothing but the next block of its former session")
	}
	latest := peer.TID
	peer.Send(latest, protocol.Ack{Block: 1}.Append(nil))
	peer.Send(latest, protocol.Ack{Block: 2}.Append(nil))
	s.Wait("session", func(l harness.Line) bool { return l.String("outcome") == "superseded" })
	s.Wait("session", func(l harness.Line) bool { return l.String("outcome") == "complete" })
}

func TestWritesAreRefusedAndMalformedRequestsToo(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	s := harness.Serve(t, "--root", tree.Dir)
	for _, tt := range []struct {
		name, packet string
		code         protocol.ErrorCode
	}{
		{"a write", "\x00\x02file\x00octet\x00", protocol.CodeAccessViolation},
		{"no NUL", "\x00\x01file\x00octet", protocol.CodeIllegalOperation},
		{"no mode", "\x00\x01file\x00", protocol.CodeIllegalOperation},
		{"mail", "\x00\x01file\x00mail\x00", protocol.CodeIllegalOperation},
		{"an empty name", "\x00\x01\x00octet\x00", protocol.CodeIllegalOperation},
		{"an option without its value", "\x00\x01file\x00octet\x00blksize\x00", protocol.CodeIllegalOperation},
	} {
		peer := harness.NewPeer(t, "127.0.0.1")
		peer.Send(s.Addr, []byte(tt.packet))
		peer.Error(tt.code)
		if peer.TID != s.Addr {
			t.Errorf("%s: answered from %v, want the request port %v", tt.name, peer.TID, s.Addr)
		}
	}
	c := s.Counters()
	if c.Int("refused-write") != 1 || c.Int("refused-malformed") != 5 || c.Int("started") != 0 {
		t.Errorf("counters %v, want 1 write and 5 malformed refused, and nothing started", c)
	}
}

func TestASizeProbeIsNoFailure(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("boot.efi", 4000)
	s := harness.Serve(t, "--root", tree.Dir)
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(s.Addr, harness.RRQ("boot.efi", "tsize", "0", "blksize", "1468"))
	oack, err := protocol.ParseOACK(peer.Receive())
	if err != nil || len(oack.Options) != 2 || oack.Options[0] != (protocol.Option{Name: "tsize", Value: "4000"}) {
		t.Fatalf("got %v, %v", oack, err)
	}
	peer.Send(peer.TID, (&protocol.Error{Code: protocol.CodeOptionRefused, Message: "User aborted the transfer"}).Append(nil))
	l := s.Session("boot.efi")
	if l.String("outcome") != "declined" || l.String("@level") != "info" {
		t.Errorf("logged %v, want declined, at level info", l)
	}
	if !peer.Silent(50 * time.Millisecond) {
		t.Error("an ERROR was answered")
	}
	if c := s.Counters(); c.Int("declined") != 1 || c.Int("failed") != 0 {
		t.Errorf("counters %v", c)
	}
}

func TestHostileDatagramsCostNoWorker(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	want := tree.File("f", 1000)
	s := harness.Serve(t, "--root", tree.Dir)
	peer := harness.NewPeer(t, "127.0.0.1")
	n := 0
	send := func(b []byte) {
		// Whatever happens to parse as a request would rightly get a worker.
		if r, err := protocol.ParseRequest(b); err == nil && r.Op == protocol.OpRRQ {
			return
		}
		n++
		peer.Send(s.Addr, b)
		if n%50 == 0 {
			// Not faster than the server reads: what the kernel drops tests nothing.
			sync := harness.NewPeer(t, "127.0.0.1")
			sync.Send(s.Addr, []byte{0, 2})
			sync.Error(protocol.CodeAccessViolation)
			n++
		}
	}
	valid := harness.RRQ("f", "blksize", "1428", "tsize", "0", "windowsize", "16")
	send(nil)
	for b := range 256 {
		send([]byte{byte(b)})
		send([]byte{0, byte(b)})
		send([]byte{byte(b), 1})
		send([]byte{0, byte(b), 0, 1, 'x', 0})
	}
	for i := range valid {
		send(valid[:i])
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for n < 2000 {
		b := append([]byte(nil), valid...)
		for range 1 + rng.IntN(4) {
			switch i := rng.IntN(len(b)); rng.IntN(3) {
			case 0:
				b[i] = byte(rng.Uint32())
			case 1:
				b = append(b[:i], b[min(i+1, len(b)-1):]...)
			default:
				b = append(b[:i:i], append([]byte{byte(rng.Uint32())}, b[i:]...)...)
			}
		}
		send(b)
	}
	send(make([]byte, 60000))

	honest := harness.NewPeer(t, "127.0.0.1")
	honest.Send(s.Addr, harness.RRQ("f"))
	if got := honest.Data(1); string(got) != string(want[:512]) {
		t.Error("wrong content after the attack")
	}
	honest.Ack(1)
	honest.Data(2)
	honest.Ack(2)
	s.Session("f")
	c := s.Counters()
	if c.Int("started") != 1 || c.Int("kernel-drops") != 0 || c.Int("requests") != n+1 {
		t.Errorf("counters %v, want %d requests read and 1 session", c, n+1)
	}
	if refusals := s.WaitN(1, "malformed request refused", nil); len(refusals) > 10 {
		t.Errorf("%d log lines about refusals", len(refusals))
	}
}
