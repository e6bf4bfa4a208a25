package integration

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

// TestNoneIsLostAndNoneCrossedOnASinglePort: clients, each from one port of its own
// all the time, ask for the next file as soon as they have acknowledged the last
// block: some of those requests reach the socket of the session that is just
// ending, and while sessions begin and end others arrive. The server must have
// read every one of them.
func TestNoneIsLostAndNoneCrossedOnASinglePort(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		addr, sessionsPerWorker string
		clients                 int
	}{{"127.0.0.1", "1", 150}, {"[::1]", "100", 500}} {
		t.Run(tt.addr, func(t *testing.T) {
			t.Parallel()
			const rounds, size = 4, 1200
			clients := tt.clients
			if harness.Race() {
				clients /= 10 // one core does not read what all others send
			}
			tree := harness.NewTree(t)
			content := make([][]byte, clients)
			for i := range content {
				content[i] = tree.File(fmt.Sprint("f", i), size)
			}
			s := harness.Serve(t, "--root", tree.Dir, "--listen", tt.addr+":0", "--single-port",
				"--max-sessions-per-source", "1024", "--sessions-per-worker", tt.sessionsPerWorker, "--stats-interval", "100ms")
			var wg sync.WaitGroup
			var sent atomic.Int64
			for i := range clients {
				wg.Go(func() {
					conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: s.Addr.Addr().AsSlice()})
					if err != nil {
						t.Error(err)
						return
					}
					defer conn.Close()
					client := workertest.Client{Timeout: 3 * time.Second} // less than what the server waits for a repetition
					for round := range rounds {
						var got bytes.Buffer
						r, err := client.GetFrom(t.Context(), conn, s.Addr, fmt.Sprint("f", i), &got)
						if r != nil {
							sent.Add(int64(r.Requests))
						}
						if err != nil || r.TID != s.Addr || !bytes.Equal(got.Bytes(), content[i]) {
							t.Errorf("client %d, round %d: %v, %d bytes from %v", i, round, err, got.Len(), r)
							return
						}
					}
				})
			}
			wg.Wait()
			s.Wait("stats", func(l harness.Line) bool {
				return l.Int("completed") == clients*rounds && l.Int("requests") == int(sent.Load())
			})
		})
	}
}

// The client's next request while it has a session reaches that session's socket.
func TestALaterRequestTakesOverOnASinglePort(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("old", 2000)
	want := tree.File("new", 1000)
	s := harness.Serve(t, "--root", tree.Dir, "--timeout", "30s", "--single-port")
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(s.Addr, harness.RRQ("old"))
	peer.Data(1)
	peer.Ack(1)
	peer.Data(2)
	peer.Send(s.Addr, harness.RRQ("new"))
	first := func() bool { // the old session goes on sending block 2 until then
		d, err := protocol.ParseData(peer.Receive())
		return err == nil && d.Block == 1 && bytes.Equal(d.Payload, want[:512])
	}
	if !harness.Eventually(first) {
		t.Fatal("block 1 of the new file does not come")
	}
	peer.Ack(1)
	if got := peer.Data(2); !bytes.Equal(got, want[512:]) {
		t.Errorf("block 2 is %q, want the new file's", got)
	}
	peer.Ack(2)
	if peer.TID != s.Addr {
		t.Errorf("it answers from %v, want %v", peer.TID, s.Addr)
	}
	if l := s.Session("old"); l.String("outcome") != "superseded" {
		t.Errorf("the old session: %v, want superseded", l)
	}
	if l := s.Session("new"); l.String("outcome") != "complete" {
		t.Errorf("the new session: %v, want complete", l)
	}
	// Nor is anything refused in another way than by the listener.
	peer.Send(s.Addr, harness.RRQ("old"))
	peer.Data(1)
	peer.Send(s.Addr, []byte("\x00\x02file\x00octet\x00"))
	peer.Error(protocol.CodeAccessViolation)
	peer.Ack(1)
	peer.Data(2)
}

// TestAListenerOfASinglePortIsTheSupervisorsOwn: the kernel has sockets of one user
// only in a group, and sessions' are opened after root was left.
func TestAListenerOfASinglePortIsTheSupervisorsOwn(t *testing.T) {
	t.Parallel()
	s := harness.Serve(t, "--root", harness.NewTree(t).Dir, "--single-port")
	uid := strings.Fields(harness.Status(s.PID, "Uid"))[0]
	table, err := os.ReadFile("/proc/" + strconv.Itoa(s.PID) + "/net/udp")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); strings.HasSuffix(f[1], fmt.Sprintf(":%04X", s.Addr.Port())) {
			if f[7] != uid {
				t.Errorf("the listener belongs to user %s, the supervisor is %s", f[7], uid)
			}
			return
		}
	}
	t.Errorf("no listener in\n%s", table)
}

// Sessions go on when their supervisor is killed, and hold its port.
func TestASinglePortCanBeServedAgainAfterAKill(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	want := tree.File("f", 1000)
	s := harness.Serve(t, "--root", tree.Dir, "--single-port")
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(s.Addr, harness.RRQ("f"))
	got := bytes.Clone(peer.Data(1))
	s.Kill()
	again := harness.Serve(t, "--root", tree.Dir, "--single-port", "--listen", s.Addr.String())
	other := harness.NewPeer(t, "127.0.0.1")
	other.Send(again.Addr, harness.RRQ("f"))
	other.Data(1)
	peer.Ack(1)
	if got = append(got, peer.Data(2)...); !bytes.Equal(got, want) {
		t.Error("the session that was there before has other content")
	}
	peer.Ack(2)
	other.Ack(1)
	other.Data(2)
	other.Ack(2)
	again.Session("f")
}
