package ipc

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Word is what a supervisor says to a helper.
type Word byte

const (
	// WordWorker comes with one descriptor: the other end of a worker's Helper. The
	// helper owns it, and closes it at its end of file.
	WordWorker Word = 'W'
	// WordRetire says that another helper takes over what this one keeps on disk.
	// It goes on for the workers that it has, and those that come.
	WordRetire Word = 'R'
)

// Say says a word to a helper, with a descriptor that stays the caller's, or none
// if it is below 0. It never waits: EAGAIN says that the helper does not listen.
func Say(control int, w Word, socket int) error {
	var rights []byte
	if socket >= 0 {
		rights = unix.UnixRights(socket)
	}
	return unix.Sendmsg(control, []byte{byte(w)}, rights, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
}

// Hear waits for a supervisor's next word, if the socket does. It returns io.EOF
// when none will come. The descriptor is the caller's, close-on-exec; -1: there is
// none.
func Hear(control int) (Word, int, error) {
	buf := make([]byte, 1)
	n, fds, cut, err := ReceiveRights(control, buf)
	if err != nil {
		return 0, -1, err
	}
	if n == 0 && len(fds) == 0 && !cut {
		return 0, -1, io.EOF
	}
	w := Word(buf[0])
	want := 0
	if w == WordWorker {
		want = 1
	}
	if cut || n != 1 || len(fds) != want || w != WordWorker && w != WordRetire {
		closeAll(fds)
		return 0, -1, fmt.Errorf("%w: word %q with %d descriptors, cut short: %v", ErrMalformed, buf[:n], len(fds), cut)
	}
	if want == 1 {
		return w, fds[0], nil
	}
	return w, -1, nil
}

// Knocked says whether a worker has written to its Helper, of which socket is the
// other end. It has not if it is gone.
func Knocked(socket int) bool {
	var b [1]byte
	for {
		n, _, err := unix.Recvfrom(socket, b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		if !errors.Is(err, unix.EINTR) {
			return err == nil && n > 0
		}
	}
}
