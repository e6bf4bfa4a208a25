package supervisor

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// openSocket returns a session's socket: bound to the address that the client
// asked and a port of its own (the server's TID, RFC 1350 §4), connected to the
// client, so that the kernel keeps strangers out. A shared one has the port of a
// listener. It blocks, because the worker wants it so; the supervisor uses it only
// in ways that never wait.
func openSocket(local netip.Addr, peer netip.AddrPort, ports PortRange, shared bool) (fd int, bound netip.AddrPort, err error) {
	fd, err = unix.Socket(family(local), unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, netip.AddrPort{}, fmt.Errorf("session socket: %w", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
			fd = -1
		}
	}()
	if shared {
		if err = share(fd, local); err != nil {
			return fd, bound, fmt.Errorf("session socket: %w", err)
		}
	}
	if err = bindIn(fd, local, ports); local.Is6() && errors.Is(err, unix.EADDRNOTAVAIL) {
		// The address may be a VIP that has just moved away or not yet arrived. IPv4 would
		// let it be bound, too, but not connected.
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1)
		err = bindIn(fd, local, ports)
	}
	if err != nil {
		return fd, bound, fmt.Errorf("binding a session socket to %v: %w", local, err)
	}
	if err = unix.Connect(fd, sockaddr(peer)); err != nil {
		return fd, bound, fmt.Errorf("connecting to %v: %w", peer, err)
	}
	if shared {
		if err = leaveGroup(fd); err != nil {
			return fd, bound, fmt.Errorf("session socket: %w", err)
		}
	}
	lastRead(fd) // there is none; from now on the kernel remembers
	port, err := boundPort(fd)
	return fd, netip.AddrPortFrom(local, port), err
}

// boundPort is not unix.Getsockname, which has the kernel asked for the protocol, too.
func boundPort(fd int) (uint16, error) {
	sa, err := syscall.Getsockname(fd)
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return uint16(sa.Port), nil
	case *syscall.SockaddrInet6:
		return uint16(sa.Port), nil
	}
	return 0, err
}

// bindIn tries the ports of a range from a random one on, as the kernel does
// with its own: a TID that can be guessed helps a forger.
func bindIn(fd int, local netip.Addr, ports PortRange) error {
	if ports == (PortRange{}) {
		err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(local, 0)))
		if errors.Is(err, unix.EADDRINUSE) {
			err = errPortsUsed
		}
		return err
	}
	n := int(ports.High) - int(ports.Low) + 1
	first := rand.IntN(n)
	for i := range n {
		port := ports.Low + uint16((first+i)%n)
		err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(local, port)))
		if !errors.Is(err, unix.EADDRINUSE) {
			return err
		}
	}
	return errPortsUsed
}

var errPortsUsed = errors.New("every port of the range is in use")

// exhausted says whether an error means that a resource is used up for the
// moment, so that waiting helps.
func exhausted(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM) ||
		errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EAGAIN) || errors.Is(err, errPortsUsed) ||
		errors.Is(err, unix.ETOOMANYREFS) // descriptors that are on their way count against the limit, too
}

// peerless says whether an error of a control socket means that its worker is gone.
func peerless(err error) bool {
	return errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) ||
		errors.Is(err, unix.ENOTCONN) || errors.Is(err, unix.ECONNREFUSED)
}

// speak sends an ERROR for a worker that can't, from the session's own TID.
func speak(socket int, e *protocol.Error) {
	unix.SendmsgN(socket, e.Append(nil), nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}
