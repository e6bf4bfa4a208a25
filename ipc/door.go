package ipc

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// A door is a pair of sockets through which a helper gets connections to the
// supervisor's admin desk: it makes a connection itself, and passes one end of it
// through. So it needs no path, and no right to use one, and a supervisor without an
// admin socket has a desk for it all the same.

// DoorPair returns the two ends of a door, both close-on-exec. The supervisor's never
// blocks.
func DoorPair() (supervisor, helper int, err error) { return SocketPair() }

// Enter returns one end of a connection, which is the caller's, and does not block. Nor
// does Enter: a door is full when the supervisor has let nobody in for long, and the
// caller's patience ends sooner than that may. Then the error is EAGAIN.
func Enter(door int) (int, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("a connection to the supervisor: %w", err)
	}
	defer unix.Close(fds[1])
	if err := unix.Sendmsg(door, []byte{0}, unix.UnixRights(fds[1]), nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT); err != nil {
		unix.Close(fds[0])
		return -1, fmt.Errorf("a connection to the supervisor: %w", err)
	}
	return fds[0], nil
}

// Entered returns the other end of the next connection, which does not block. It
// returns io.EOF when none will come, ErrMalformed for anything that is no connection,
// which is closed, and waits only if the socket does.
func Entered(door int) (int, error) {
	n, fds, cut, err := ReceiveRights(door, make([]byte, 1))
	if err != nil {
		return -1, err
	}
	if n == 0 && len(fds) == 0 && !cut {
		return -1, io.EOF
	}
	if cut || len(fds) != 1 || !isConnection(fds[0]) {
		closeAll(fds)
		return -1, fmt.Errorf("%w: no connection came through a door, but %d descriptors, cut short: %v", ErrMalformed, len(fds), cut)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		closeAll(fds)
		return -1, err
	}
	return fds[0], nil
}

// isConnection says whether a descriptor is a Unix stream socket: on anything else
// deadlines might not hold.
func isConnection(fd int) bool {
	domain, err1 := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	kind, err2 := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return err1 == nil && err2 == nil && domain == unix.AF_UNIX && kind == unix.SOCK_STREAM
}
