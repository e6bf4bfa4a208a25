package fetch

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// SendAnswer sends an answer, with a descriptor unless file is below 0; that stays
// the caller's. It never waits: EAGAIN says that the worker does not read.
func SendAnswer(socket int, a Answer, file int) error {
	var rights []byte
	if file >= 0 {
		rights = unix.UnixRights(file)
	}
	for {
		err := unix.Sendmsg(socket, a.Append(nil), rights, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// ReceiveAnswer returns an answer that has come, and the descriptor that came with
// it, which is the caller's and close-on-exec; -1: none did. It waits only if the
// socket does.
func ReceiveAnswer(socket int) (Answer, int, error) {
	buf := make([]byte, answerHeader+MaxReason)
	n, fds, cut, err := ipc.ReceiveRights(socket, buf)
	if err != nil {
		return Answer{}, -1, err
	}
	a, err := ParseAnswer(buf[:n])
	want := 0
	if a.Kind == AnswerOpened {
		want = 1
	}
	if err == nil && (cut || len(fds) != want) {
		err = fmt.Errorf("%w: %d descriptors with an answer of kind %d, cut short: %v", ErrMalformed, len(fds), a.Kind, cut)
	}
	if err != nil {
		for _, fd := range fds {
			unix.Close(fd) // the kernel has installed them already
		}
		return Answer{}, -1, err
	}
	if want == 1 {
		return a, fds[0], nil
	}
	return a, -1, nil
}
