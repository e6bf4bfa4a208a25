package supervisor

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// stray is a request that reached a session's socket and not a listener, or that was taken
// for a repetition first.
type stray struct {
	l *listener
	arrival
}

// discardPort is where nobody asks from (RFC 863).
const discardPort = 9

// retire frees the 4-tuple of a session that ends, whoever still has its socket:
// its client's next request is the listener's. What has come before is heard.
func (s *Supervisor) retire(sess *session) {
	if !s.SinglePort || sess.socket < 0 || sess.retired {
		return
	}
	sess.retired = true
	// Not AF_UNSPEC: an unconnected socket would be there for everybody.
	unix.Connect(sess.socket, sockaddr(netip.AddrPortFrom(sess.with.local, discardPort)))
	s.salvage(sess, sess.socket)
}

// A datagram may be on its way to a socket that the kernel found for it before that left
// its client, and stay there for as long as the CPU that carries it stands still. So the
// socket is kept for some time after the end, and looked into once more. Where more
// than maxLingering end in that time, the oldest one's is closed sooner.
const (
	lingerTime   = 20 * time.Millisecond
	maxLingering = 256
)

// lingering is a retired session whose socket is still open.
type lingering struct {
	*session
	until time.Time
}

// linger closes the socket of a session that has ended, at once or after a while.
func (s *Supervisor) linger(now time.Time, sess *session) {
	if !sess.retired {
		sess.closeSocket()
		return
	}
	if len(s.lingering) == maxLingering {
		s.closeOldest()
	}
	s.lingering = append(s.lingering, lingering{sess, now.Add(lingerTime)})
}

// closeLingering closes the sockets whose time has come.
func (s *Supervisor) closeLingering(now time.Time) {
	for len(s.lingering) > 0 && !now.Before(s.lingering[0].until) {
		s.closeOldest()
	}
}

// closeAllLingering says whether there were any.
func (s *Supervisor) closeAllLingering() (some bool) {
	for len(s.lingering) > 0 {
		s.closeOldest()
		some = true
	}
	return some
}

func (s *Supervisor) closeOldest() {
	sess := s.lingering[0].session
	s.lingering = slices.Delete(s.lingering, 0, 1)
	s.salvage(sess, sess.socket)
	sess.closeSocket()
}

// salvage takes requests out of a session's socket: right after it was connected,
// those of strangers which came just before; at its end, those of its own client.
func (s *Supervisor) salvage(sess *session, fd int) {
	var buf [protocol.MaxRequestLen + 1]byte
	for range batch {
		n, from, err := unix.Recvfrom(fd, buf[:], unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.ECONNREFUSED):
			continue // the kernel tells of a closed port before it gives what lies there
		case err != nil || from == nil: // nil: shut down
			return
		}
		s.keep(sess, addrPort(from), buf[:n], lastRead(fd))
	}
}

// keep keeps what is a request until the loop comes to hearStrays: sessions begin
// and end while this one does. One that is the session's own, once more, is known as
// such only now, as the session may have ended by then.
func (s *Supervisor) keep(sess *session, peer netip.AddrPort, data []byte, came stamp) {
	if !protocol.IsRequest(data) {
		return
	}
	s.counters.Requests++
	if string(data) == sess.datagram && peer == sess.with.peer && !sess.heard() && !sess.answeredBefore(came) {
		s.counters.Duplicates++
		return
	}
	s.strays = append(s.strays, stray{sess.listener, arrival{
		peer:    peer,
		local:   sess.with.local,
		ifindex: sess.ifindex,
		data:    bytes.Clone(data),
	}})
}

// hearStrays takes up the requests that have not reached a listener, or were kept. They
// are counted already.
func (s *Supervisor) hearStrays(now time.Time) {
	strays := s.strays
	s.strays = nil
	for _, m := range strays {
		if s.phase <= serving {
			s.admit(now, m.l, m.arrival)
		} else {
			s.counters.Refused.Draining++
		}
	}
}
