package client

import (
	"net"

	"golang.org/x/sys/unix"
)

// perPacket is what the kernel books for a packet besides its bytes, at most; half of
// it, since it books twice what one asks for.
const perPacket = 640

// maxRoom bounds what a peer's window makes us ask for.
const maxRoom = 256 << 20

// makeRoom has the socket's buffer hold a window that comes at once, as windows do,
// and reports whether it does.
func makeRoom(conn *net.UDPConn, blocks, blksize int) (ok bool) {
	want := blocks * (blksize + perPacket)
	ask := min(want, maxRoom)
	control(conn, func(fd int) {
		enough := func() bool {
			got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
			return err == nil && got >= 2*want
		}
		if ok = enough(); ok {
			return
		}
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, ask) != nil {
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, ask) // as far as net.core.rmem_max goes
		}
		ok = enough()
	})
	return ok
}
