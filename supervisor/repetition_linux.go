package supervisor

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// stamp is when the kernel received a packet, in nanoseconds by the system's clock; 0 is
// unknown. Two processes read in any order what came in one.
type stamp int64

// stampListener has the kernel tell with each datagram when it came. Where it can't, a
// request that is like another one counts as its repetition.
func stampListener(fd int) {
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
}

// lastRead returns when the packet came that was read from a session's socket last,
// whoever read it. The kernel remembers that from the first time on that it is asked,
// which is in openSocket; of a packet without a stamp it says that it came now.
func lastRead(fd int) stamp {
	var ts unix.Timespec
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCGSTAMPNS, uintptr(unsafe.Pointer(&ts))); errno != 0 {
		return 0
	}
	return stamp(ts.Nano())
}

// repeat is for a request that a session was made of already. While a worker is at it,
// nobody here knows what its client has heard: it may have the whole file, and ask for it
// again from the same port. So the request is kept until that is known.
func (s *Supervisor) repeat(now time.Time, sess *session, came stamp) {
	sess.repeated(now)
	if sess.handed.IsZero() || came == 0 {
		s.counters.Duplicates++
		return
	}
	s.settle(sess) // the one before it is no news
	sess.again = came
}

// settle decides about a repetition that is kept. One that came after the session's answer,
// or after what its client had to say to that, was sent by somebody who means to begin
// another session.
func (s *Supervisor) settle(sess *session) {
	if sess.again == 0 {
		return
	}
	if sess.ending == ipc.OutcomeNone && sess.answeredBefore(sess.again) && s.phase <= serving && !s.yielding {
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

// answeredBefore says whether the client had heard the session before a time, as far as
// its worker has told. To an ERROR it says nothing: then what counts is when that was sent,
// and a repetition that crossed it is taken for what it would be a moment later.
func (sess *session) answeredBefore(t stamp) bool {
	if sess.last.Outcome == Refused {
		return t > stamp(sess.received.Add(sess.last.FirstSent).UnixNano())
	}
	if !sess.heard() {
		return false
	}
	read := lastRead(sess.socket)
	return read != 0 && t > read
}
