package supervisor

import (
	"errors"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// notifier tells a service manager how we are. What its socket has no room for
// waits; the loop never does.
type notifier struct {
	fd    int // -1: nobody wants to know
	to    unix.SockaddrUnix
	every time.Duration // between signs of life; zero: none
	due   time.Time
	queue []string
}

func newNotifier(m *Manager) (notifier, error) {
	n := notifier{fd: -1, every: m.Watchdog / 2}
	if m.NotifySocket == "" {
		n.every = 0
		return n, nil
	}
	n.to.Name = m.NotifySocket // unix takes a leading @ for an abstract name
	var err error
	n.fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	return n, err
}

// tell sends one message: assignments as sd_notify(3) lists them.
func (n *notifier) tell(assignments ...string) error {
	if n.fd < 0 {
		return nil
	}
	n.queue = append(n.queue, strings.Join(assignments, "\n"))
	return n.flush()
}

// mostQueued bounds what waits for a manager that does not read.
const mostQueued = 16

func (n *notifier) flush() error {
	for len(n.queue) > 0 {
		err := unix.Sendto(n.fd, []byte(n.queue[0]), unix.MSG_NOSIGNAL, &n.to)
		switch {
		case errors.Is(err, unix.EAGAIN):
			n.queue = n.queue[max(0, len(n.queue)-mostQueued):]
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		}
		n.queue = n.queue[1:]
		if err != nil {
			return err
		}
	}
	return nil
}

// alive gives the sign of life that is due, and says when the next one is.
func (n *notifier) alive(now time.Time) (next time.Time, err error) {
	if n.every == 0 {
		return now.Add(maxSleep), n.flush()
	}
	if now.Before(n.due) {
		return n.due, n.flush()
	}
	n.due = now.Add(n.every)
	return n.due, n.tell("WATCHDOG=1")
}

func (n *notifier) close() {
	if n.fd >= 0 {
		unix.Close(n.fd)
	}
	n.fd = -1
}
