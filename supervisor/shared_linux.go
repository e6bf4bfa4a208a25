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

// bindFirst binds l as the first of its group, the one that gets all packets.
func (l *listener) bindFirst(addr netip.AddrPort) error {
	if err := share(l.fd, addr.Addr()); err != nil {
		return err
	}
	if err := l.bind(addr); err != nil {
		return err
	}
	// Not before: a socket that has a group already is not bound to an address
	// that another has.
	first := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0}
	return unix.SetsockoptSockFprog(l.fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
		&unix.SockFprog{Len: 1, Filter: &first})
}

// leaveGroup is for a session's socket that has been connected.
func leaveGroup(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 0)
}

// alone binds a socket to an address that nobody has. Nobody gets it before the socket
// is closed, or made to share it.
func alone(addr netip.AddrPort) (fd int, err error) {
	fd, err = unix.Socket(family(addr.Addr()), unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if addr.Addr().Is6() {
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if err = unix.Bind(fd, sockaddr(addr)); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// taken says whether another server has an address: one that shares it would be
// bound beside us, and get some of our requests or all. Connected sockets, which
// sessions of a supervisor that was killed may have, do no harm.
func taken(addr netip.AddrPort) error {
	fd, err := alone(addr)
	if err == nil {
		return unix.Close(fd)
	}
	if errors.Is(err, unix.EADDRINUSE) && !unconnected(addr) {
		return nil
	}
	return err
}

// bindAnywhere is bindFirst for a port that the kernel chooses. Left to choose one
// for a socket that shares it, it may choose one that another server shares: so one
// that does not has it first, and lets ours have it, too.
func (l *listener) bindAnywhere(addr netip.AddrPort) error {
	fd, err := alone(addr)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	bound, err := unix.Getsockname(fd)
	if err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	return l.bindFirst(addrPort(bound))
}

// unconnected looks for a socket that is bound to an address, or to all, and has no
// peer. Where it can't look, there is one.
func unconnected(addr netip.AddrPort) bool {
	name := "/proc/net/udp"
	if addr.Addr().Is6() {
		name = "/proc/net/udp6"
	}
	const noPeer = "07" // TCP_CLOSE: the table has TCP's names for states
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
		if len(fields) < 4 || fields[3] != noPeer {
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

// maxOwnListeners bounds the listeners that single addresses get. Further ones are
// served all the same, see salvage; a server has a few, and 127.0.0.0/8 has many.
const maxOwnListeners = 256

// giveListener gives the address that a client asked a listener of its own, where
// one listens on all of them: a group is of one address, and needs a first member.
func (s *Supervisor) giveListener(now time.Time, l *listener, local netip.Addr) {
	at := netip.AddrPortFrom(local, l.addr.Port())
	if !l.addr.Addr().IsUnspecified() || s.tried[at] || len(s.tried) >= maxOwnListeners {
		return
	}
	s.tried[at] = true // once, also if it fails
	if err := s.listenAlso(l, at); err != nil {
		s.grumble(now, "an address has no listener of its own: requests to it may be late", "address", at.String(), "error", err.Error())
	}
}

func (s *Supervisor) listenAlso(l *listener, at netip.AddrPort) (err error) {
	var own *listener
	if n := len(l.spares); n > 0 {
		own, l.spares = l.spares[n-1], l.spares[:n-1]
	} else if own, err = newListener(family(at.Addr())); err != nil {
		return err
	}
	// What a listener has got that nobody watches would never be read.
	if err = s.watch(own.fd, tagListener, uint32(len(s.listeners))); err == nil {
		err = own.bindFirst(at)
	}
	if err != nil {
		own.close()
		return err
	}
	own.name = ownPrefix + at.String()
	s.listeners = append(s.listeners, own)
	return nil
}

// ownPrefix marks the name of a listener that an address was given in single-port
// mode.
const ownPrefix = "own "

// inheritOwn takes the listeners over that addresses had in the process before us.
func (s *Supervisor) inheritOwn(p *predecessor) error {
	for name, fds := range p.ports {
		text, ok := strings.CutPrefix(name, ownPrefix)
		if !ok {
			continue
		}
		for _, fd := range fds {
			own, err := adopt(Socket{text, fd})
			if err != nil {
				return err
			}
			own.name = name
			s.listeners = append(s.listeners, own)
			s.tried[own.addr] = true
		}
		delete(p.ports, name)
	}
	return nil
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
