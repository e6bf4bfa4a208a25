package supervisor

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// poller waits for what happens on an epoll set, by way of the runtime's own one. A
// goroutine that waits in epoll_wait itself is one in a system call: while the other
// processors are taken, by a fork for example, the runtime's monitor takes its
// processor away, and for that looks every 20 microseconds. That was a third of the
// supervisor's CPU time.
type poller struct {
	epoll int      // the caller's
	file  *os.File // a descriptor of the same set
	conn  syscall.RawConn
}

func newPoller(epoll int) (*poller, error) {
	fd, err := unix.FcntlInt(uintptr(epoll), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or the runtime would not wait for it
		ipc.CloseFD(fd)
		return nil, fmt.Errorf("epoll: %w", err)
	}
	p := &poller{epoll: epoll, file: os.NewFile(uintptr(fd), "epoll")}
	if p.conn, err = p.file.SyscallConn(); err == nil {
		err = p.file.SetReadDeadline(time.Time{}) // an error where it can't be waited for
	}
	if err != nil {
		p.file.Close()
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return p, nil
}

func (p *poller) close() { p.file.Close() }

// wait returns how many events there are: 0 when none has come for so long, or, rarely,
// sooner.
func (p *poller) wait(events []unix.EpollEvent, patience time.Duration) (n int) {
	var failed error
	look := func(fd uintptr) (done bool) {
		n, failed = unix.EpollWait(int(fd), events, 0)
		return n > 0 || failed != nil
	}
	if patience <= 0 { // for which the runtime would not even look
		look(uintptr(p.epoll))
	} else {
		p.file.SetReadDeadline(time.Now().Add(patience))
		p.conn.Read(look) // an error is that the time is over
	}
	if failed != nil && !errors.Is(failed, unix.EINTR) {
		panic(fmt.Sprintf("epoll_wait: %v", failed)) // a closed or wrong descriptor: a bug of ours
	}
	return max(n, 0)
}
