package supervisor

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stamp is when the kernel received a packet, in nanoseconds by the system's clock; 0 is
// unknown. Two processes read in any order what came in one.
type stamp int64

// stampListener has the kernel tell with each datagram when it came.
func stampListener(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
}

// lastRead returns when the packet came that was read from a session's socket last,
// whoever read it. The kernel knows of those that it was asked about before: openSocket
// asks, and is told that there is none.
func lastRead(fd int) stamp {
	var ts unix.Timespec
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCGSTAMPNS, uintptr(unsafe.Pointer(&ts))); errno != 0 {
		return 0
	}
	return stamp(ts.Nano())
}

// repeat is for a request that a session was made of already. While a worker is at it,
// nobody here knows what its client has acknowledged: it may have the whole file, and ask
// for it again from the same port. So the request is kept until that is known.
func (s *Supervisor) repeat(now time.Time, sess *session, came stamp) {
	sess.repeated(now)
	if sess.handed.IsZero() || came == 0 {
		s.counters.Duplicates++
		return
	}
	s.settle(sess) // the one before it is no news
	sess.again = came
}

// settle decides about a repetition that is kept. A client whose answer came before it
// had heard the session, and means to begin another one; this one came too late to be
// the network's, or an impatient client's.
func (s *Supervisor) settle(sess *session) {
	if sess.again == 0 {
		return
	}
	if sess.heard() && sess.cameAfterAnswer() && s.phase <= serving {
		s.strays = append(s.strays, stray{sess.listener, arrival{
			peer:    sess.with.peer,
			local:   sess.with.local,
			ifindex: sess.ifindex,
			data:    []byte(sess.datagram),
		}})
	} else {
		s.counters.Duplicates++
	}
	sess.again = 0
}

// cameAfterAnswer says whether the repetition that is kept came after what the session's
// worker has last read of the client.
func (sess *session) cameAfterAnswer() bool {
	answer := lastRead(sess.socket)
	return answer != 0 && sess.again > answer
}
