package desk

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// conn is a client's connection, of which no call waits in the kernel: who has passed
// it through a door has the same open file, can take O_NONBLOCK from it at any time,
// and each call would then hold a thread that no deadline ends.
type conn struct {
	*os.File
	raw syscall.RawConn
}

// newConn takes over a descriptor.
func newConn(fd int) (*conn, error) {
	f := os.NewFile(uintptr(fd), "admin client")
	raw, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &conn{f, raw}, nil
}

// Read is io.Reader's.
func (c *conn) Read(b []byte) (n int, err error) {
	waited := c.raw.Read(func(fd uintptr) bool {
		n, _, err = unix.Recvfrom(int(fd), b, unix.MSG_DONTWAIT)
		return !errors.Is(err, unix.EAGAIN)
	})
	switch {
	case waited != nil:
		return 0, waited
	case err != nil:
		return 0, err
	case n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write is io.Writer's.
func (c *conn) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		sent := 0
		waited := c.raw.Write(func(fd uintptr) bool {
			sent, err = unix.SendmsgN(int(fd), b[n:], nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
			return !errors.Is(err, unix.EAGAIN)
		})
		if waited != nil {
			return n, waited
		}
		n += max(0, sent)
	}
	return n, err
}
