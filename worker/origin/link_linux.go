package origin

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc/fetch"
)

// link is a worker's socket to the helper. One session uses it at a time.
type link struct {
	socket int
	lastID uint32
	hello  uint32 // of the helper that has the other end; 0: none has said so yet
}

// errNoHelper is an error of the server's setup.
var errNoHelper = errors.New("origin: this server has no helper (broodctl origin)")

// errSilent says that the helper had nothing to say in time.
var errSilent = errors.New("origin: the helper (broodctl origin) does not answer; is it running?")

// ask sends a question. The socket never blocks: if it is full, the helper has not
// read for long, and what is asked now is not worth the wait.
func (l *link) ask(a fetch.Ask) error {
	b, err := a.Append(nil)
	if err != nil {
		return err
	}
	for {
		_, err := unix.Write(l.socket, b)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return errSilent
		case err != nil:
			return fmt.Errorf("origin: asking the helper: %w", err)
		default:
			return nil
		}
	}
}

// next waits for the next answer to the question id, or for Hello of another helper
// than the one that was asked. It ends with bell's ringing, or at the deadline.
func (l *link) next(id uint32, bell int, deadline time.Time) (fetch.Answer, int, error) {
	for {
		a, file, err := fetch.ReceiveAnswer(l.socket)
		switch {
		case errors.Is(err, unix.EAGAIN):
			if err := l.wait(bell, deadline); err != nil {
				return fetch.Answer{}, -1, err
			}
		case err != nil:
			return fetch.Answer{}, -1, fmt.Errorf("origin: the helper's answer: %w", err)
		case a.Kind == fetch.AnswerHello:
			first := l.hello == 0
			if l.hello = a.ID; !first {
				return a, -1, nil
			}
			// It has what was asked before, and will read it.
		case a.ID != id: // of an earlier session
			if file >= 0 {
				unix.Close(file)
			}
		default:
			return a, file, nil
		}
	}
}

func (l *link) wait(bell int, deadline time.Time) error {
	left := time.Until(deadline)
	if left <= 0 {
		return errSilent
	}
	fds := []unix.PollFd{{Fd: int32(l.socket), Events: unix.POLLIN}, {Fd: int32(bell), Events: unix.POLLIN}}
	timeout := unix.NsecToTimespec(left.Nanoseconds())
	switch _, err := unix.Ppoll(fds, &timeout, nil); {
	case err != nil && !errors.Is(err, unix.EINTR):
		return fmt.Errorf("origin: waiting for the helper: %w", err)
	case fds[1].Revents != 0:
		return context.Canceled
	case fds[0].Revents&unix.POLLIN == 0 && fds[0].Revents != 0:
		return errors.New("origin: the helper's socket is closed") // only where no supervisor holds the other end
	}
	return nil
}

// bell rings when a context ends.
type bell struct {
	fd   int
	stop func() bool
	rung chan struct{}
}

func newBell(ctx context.Context) (*bell, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("origin: eventfd: %w", err)
	}
	b := &bell{fd: fd, rung: make(chan struct{})}
	b.stop = context.AfterFunc(ctx, func() {
		unix.Write(fd, binary.NativeEndian.AppendUint64(nil, 1))
		close(b.rung)
	})
	return b, nil
}

func (b *bell) close() {
	if !b.stop() {
		<-b.rung
	}
	unix.Close(b.fd)
}
