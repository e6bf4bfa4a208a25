package supervisor

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// tcpPrefix marks helpers' listeners among what an upgrade passes on.
const tcpPrefix = "tcp:"

// tcpBacklog is how many connections wait while a helper is started anew.
const tcpBacklog = 128

// helperPorts are TCP sockets that listen, by the address as it was asked for. The
// supervisor accepts nothing there: it keeps them for the helpers that do, so that a
// port below 1024 needs no right of theirs, one that is in use is found out at the
// start, and who connects while a helper is started anew waits for it.
type helperPorts map[string]int

// openHelperPorts opens what helpers need and is not there yet. Inherited returns a port
// of the process before us, if this is an upgrade and it had that one.
func openHelperPorts(helpers []Helper, there helperPorts, inherited func(name string) (int, bool)) (helperPorts, error) {
	more := make(helperPorts)
	for _, h := range helpers {
		_, had := there[h.Listen]
		if _, opened := more[h.Listen]; h.Listen == "" || had || opened {
			continue
		}
		fd, ok := inherited(tcpPrefix + h.Listen)
		if !ok {
			var err error
			if fd, err = soon(func() (int, error) { return listenTCP(netip.MustParseAddrPort(h.Listen)) }); err != nil {
				more.closeAll()
				return nil, fmt.Errorf("helper %s: listening on %s: %w%s", h.Name, h.Listen, err, hint(err, "-tlpn"))
			}
		}
		more[h.Listen] = fd
	}
	return more, nil
}

func listenTCP(addr netip.AddrPort) (fd int, err error) {
	fd, err = unix.Socket(family(addr.Addr()), unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	if addr.Addr() == netip.IPv6Unspecified() {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0) // [::] is every address
	}
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) // connections of before may linger
	}
	if err == nil {
		err = unix.Bind(fd, sockaddr(addr))
	}
	if err == nil {
		err = unix.Listen(fd, tcpBacklog)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// keep takes over what was opened, and closes what no helper listens on any more.
func (p helperPorts) keep(more helperPorts, helpers []Helper) {
	maps.Copy(p, more)
	for addr, fd := range p {
		if !slices.ContainsFunc(helpers, func(h Helper) bool { return h.Listen == addr }) {
			unix.Close(fd)
			delete(p, addr)
		}
	}
}

// lend is a descriptor of a helper's port that is the caller's, -1 where it has none: the
// port itself may be closed before the helper has started, and the number be another's.
func (p helperPorts) lend(h Helper) (int, error) {
	fd, ok := p[h.Listen]
	if !ok {
		return -1, nil
	}
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
}

func (p helperPorts) closeAll() {
	for addr, fd := range p {
		ipc.CloseFD(fd)
		delete(p, addr)
	}
}

// bound is where a listener is, with the port that the kernel chose for port 0.
func bound(fd int) string {
	name, err := unix.Getsockname(fd)
	if err != nil {
		return err.Error()
	}
	return addrPort(name).String()
}
