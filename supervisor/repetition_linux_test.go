package supervisor

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"brood/ipc"
)

// A client that has the file, and asks for it again before its session's end is known, is
// told from one that has only sent its request twice: by the order in which its packets
// came, in whatever order they and the worker's frames are read until then.
func TestAskingAgainIsNotRepeating(t *testing.T) {
	inBothFamilies(t, func(t *testing.T, l *listener) {
		for _, tt := range []struct {
			steps      string
			began      int // sessions that begin by what was asked again
			duplicates uint64
		}{
			{"ack ask heard complete", 1, 0},
			{"ack heard ask complete", 1, 0},
			{"ask ack heard complete", 0, 1},
			{"ask ack ask heard complete", 1, 1},
			{"ask ask ack heard complete", 0, 2},
			{"ack ask heard timed-out", 0, 1},
			{"ask timed-out", 0, 1},
			{"ack ask heard crashes", 0, 1},
			{"ack ask heard drain complete", 0, 1},
			{"ack ask heard tells", 1, 0},
			{"ask ack heard tells", 0, 1},
			{"ask ack heard tells complete", 0, 1},
			{"ask refused-before", 1, 0},
			{"ask refused-after", 0, 1},
			{"ack ask heard superseded complete", 0, 1},
			{"ack ask heard upgrade complete", 0, 1},
		} {
			f := newFake(t, Options{})
			c, peer := client(t, l.addr.Addr())
			with := conversation{peer, l.addr.Addr()}
			request := string(rrq("f"))
			fd, local, err := openSocket(l.addr.Addr(), peer, PortRange{}, false)
			if err != nil {
				t.Fatal(err)
			}
			sess := &session{with: with, datagram: request, listener: l, ifindex: 3, last: ipc.Frame{Size: -1}}
			w := f.busy(sess)
			sess.socket = fd
			awaitStamps(t, c, fd, local)
			r := new(receiver)
			asked := uint64(0)
			for step := range strings.FieldsSeq(tt.steps) {
				switch step {
				case "ack":
					send(t, c, "\x00\x04\x00\x01", local)
				case "ask":
					asked++
					send(t, c, request, l.addr)
					readable(t, l.fd)
					r.receive(l, func(a arrival) { f.arrive(f.now, l, a) })
				case "heard":
					if waiting(fd) == "" {
						t.Fatal("no ACK came")
					}
				case "tells":
					f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindProgress, Session: sess.id, Bytes: 512, Packets: 1})
				case "complete":
					f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindFinal, Session: sess.id, Outcome: Complete, Packets: 1})
				case "timed-out":
					f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindFinal, Session: sess.id, Outcome: TimedOut, Packets: 1})
				case "refused-before", "refused-after": // what was asked
					sent := map[string]time.Duration{"refused-before": 1, "refused-after": time.Hour}[step]
					f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindFinal, Session: sess.id, Outcome: Refused, FirstSent: sent})
				case "superseded":
					sess.ending = Superseded
				case "upgrade":
					f.yielding = true
				case "crashes":
					f.dies(w, ipc.Exit{Code: 2}, "")
				case "drain":
					f.phase = draining
				}
			}
			f.hearStrays(f.now)
			if f.queue.len() != tt.began || f.counters.Duplicates != tt.duplicates || f.counters.Requests != asked {
				t.Errorf("%s: %d sessions begin, %d duplicates of %d requests; want %d, %d, %d",
					tt.steps, f.queue.len(), f.counters.Duplicates, f.counters.Requests, tt.began, tt.duplicates, asked)
			}
			for with, next := range f.sessions.newest {
				if next != sess && (with != sess.with || next.datagram != request || next.listener != l) {
					t.Errorf("%s: begins %+v, want the same request", tt.steps, next)
				}
			}
			sess.closeSocket() // if it has not ended
		}
	})
}

// awaitStamps waits until packets are stamped when they come: the kernel begins with it
// some time after it was asked to.
func awaitStamps(t *testing.T, c, fd int, local netip.AddrPort) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		send(t, c, "x", local)
		sent := stamp(time.Now().UnixNano())
		readable(t, fd)
		waiting(fd)
		if lastRead(fd) <= sent {
			return
		}
		if time.Now().After(end) {
			t.Fatal("packets are not stamped")
		}
	}
}
