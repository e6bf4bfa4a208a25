package supervisor

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// In single-port mode every session's socket is bound to the address and the port
// that its client asked, as the listener is, and connected to the client: the
// kernel finds it by the 4-tuple, and everything else is the listener's.
//
// What must not happen is that a stranger's request ends in the socket of a session
// that was bound and not yet connected. The listener and all sockets of its address
// are therefore a group (SO_REUSEPORT) whose program gives every packet to the
// first member, which is the listener: as long as a socket is not connected it is
// passed over. When it is, it leaves the group: Linux from 6.13 on takes it out,
// and the next one would make a new group with it, without a program. That two
// sockets may have the same address outside of a group is what SO_REUSEADDR says.

// share lets other sockets have the address and port that fd is about to be bound to.
func share(fd int, local netip.Addr) error {
	if local.Is6() { // as listeners are: a group has sockets of one kind
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return err
		}
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}

// lead makes fd, which has just been bound as the first one, the member that gets
// all packets of its group.
func lead(fd int) error {
	first := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
		&unix.SockFprog{Len: 1, Filter: &first})
}

// leaveGroup is for a session's socket that has been connected.
func leaveGroup(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 0)
}

// taken says whether another server has an address: one that shares it would be
// bound beside us, and get some of our requests or all. Connected sockets, which
// sessions of a supervisor that was killed may have, do no harm.
func taken(addr netip.AddrPort) error {
	fd, err := unix.Socket(family(addr.Addr()), unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if addr.Addr().Is6() {
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	err = unix.Bind(fd, sockaddr(addr))
	if errors.Is(err, unix.EADDRINUSE) && !unconnected(addr) {
		return nil
	}
	return err
}

// unconnected looks for a socket that is bound to an address, or to all, and has no
// peer. Where it can't look, there is one.
func unconnected(addr netip.AddrPort) bool {
	name := "/proc/net/udp"
	if addr.Addr().Is6() {
		name = "/proc/net/udp6"
	}
	table, err := os.Open(name)
	if err != nil {
		return true
	}
	defer table.Close()
	port := fmt.Sprintf(":%04X", addr.Port())
	own := hexAddr(addr.Addr())
	every := strings.Repeat("0", len(own))
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		fields := strings.Fields(lines.Text()) // number, local, remote, state ...
		if len(fields) < 4 || fields[3] != "07" {
			continue
		}
		if at, ok := strings.CutSuffix(fields[1], port); ok && (at == own || at == every || own == every) {
			return true
		}
	}
	return lines.Err() != nil
}

// hexAddr writes an address as /proc/net does: in words, as this machine has them
// in memory.
func hexAddr(a netip.Addr) string {
	var b strings.Builder
	for word := a.AsSlice(); len(word) > 0; word = word[4:] {
		fmt.Fprintf(&b, "%08X", binary.NativeEndian.Uint32(word))
	}
	return b.String()
}

// spares is how many sockets a listener of every address has ready for addresses
// that clients ask: their buffers are as large as only root may have them.
const spares = 16

// maxLeaders bounds the listeners that single addresses get. Further ones are
// served all the same, see salvage; a server has a few, and 127.0.0.0/8 has many.
const maxLeaders = 256

// lead gives the address that a client asked a listener of its own, so that its
// sessions have one to be in a group with.
func (s *Supervisor) lead(now time.Time, l *listener, local netip.Addr) {
	at := netip.AddrPortFrom(local, l.addr.Port())
	if !l.addr.Addr().IsUnspecified() || s.led[at] || len(s.led) >= maxLeaders {
		return
	}
	s.led[at] = true // or tried in vain, once
	own, err := l.of(at)
	if err == nil {
		s.listeners = append(s.listeners, own)
		err = s.watch(own.fd, tagListener, uint32(len(s.listeners)-1))
	}
	if err != nil {
		s.grumble(now, "an address has no listener of its own: requests to it may be late", "address", at.String(), "error", err.Error())
	}
}

// of returns a listener of one address, for one of all addresses.
func (l *listener) of(addr netip.AddrPort) (own *listener, err error) {
	if n := len(l.spares); n > 0 {
		own, l.spares = l.spares[n-1], l.spares[:n-1]
	} else if own, err = newListener(family(addr.Addr())); err != nil {
		return nil, err
	}
	if err := own.bind(addr, true); err != nil {
		own.close()
		return nil, err
	}
	return own, nil
}

// give changes the owner of a listener that is shared: sockets are in a group only
// with such of the same user, and sessions' are opened when root has been left.
// Where it can't, salvage is what is left.
func (l *listener) give(to *identity) {
	unix.Fchown(l.fd, to.uid, -1)
	for _, spare := range l.spares {
		spare.give(to)
	}
}

// misled is a request that reached a session's socket and not a listener.
type misled struct {
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

// salvage takes requests out of a session's socket: right after it was connected,
// those of strangers which came just before; at its end, those of its own client.
func (s *Supervisor) salvage(sess *session, fd int) {
	var buf [protocol.MaxRequestLen + 1]byte
	for range batch {
		n, from, err := unix.Recvfrom(fd, buf[:], unix.MSG_DONTWAIT)
		if err != nil || from == nil { // nil: shut down
			return
		}
		s.mislead(sess, addrPort(from), string(buf[:n]))
	}
}

// mislead keeps what is a request, for rehear. One that is the session's own, once
// more, is known as such only now: the session may have ended by then.
func (s *Supervisor) mislead(sess *session, peer netip.AddrPort, data string) {
	if op, err := protocol.ParseOpcode([]byte(data)); err != nil || op != protocol.OpRRQ && op != protocol.OpWRQ {
		return
	}
	if data == sess.datagram && peer == sess.with.peer && !sess.heard() {
		s.counters.Requests++
		s.counters.Duplicates++
		return
	}
	s.misled = append(s.misled, misled{sess.listener, arrival{
		peer:    peer,
		local:   sess.with.local,
		ifindex: sess.ifindex,
		data:    []byte(data),
	}})
	s.at(time.Time{}) // no waiting before rehear
}

// rehear takes up the requests that have not reached a listener.
func (s *Supervisor) rehear(now time.Time) {
	late := s.misled
	s.misled = nil
	for _, m := range late {
		if s.phase <= serving {
			s.arrive(now, m.l, m.arrival)
		}
	}
}
