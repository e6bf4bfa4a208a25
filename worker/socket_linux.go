package worker

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// errClosed says that the supervisor has shut the socket down: the session is to end.
var errClosed = errors.New("the supervisor ended the session")

// errDeadline says that nothing came in time.
var errDeadline = errors.New("deadline")

// idleWait is how long a read waits when the session has no deadline of its own.
const idleWait = time.Second

// socket is the session's connected UDP socket, used by read and write alone:
// the calls that could name another address are the ones a sandbox takes away.
// It blocks, on the session's own thread.
type socket struct {
	fd      int
	armed   time.Duration // SO_RCVTIMEO as the kernel has it; 0: not set yet
	segment int           // UDP_SEGMENT as the kernel has it; 0: it does not cut
	burst   int           // packets in one write at most
	eager   eager
	late    bool // the last datagram was given after its deadline
}

// read returns one datagram, errDeadline at the deadline (zero: none), or
// errClosed. The kernel's own timeout is left as it is while it is near enough,
// so that a packet costs one system call and not two; a deadline may therefore
// be seen late by an eighth. A timeout that is too short costs nothing until it
// passes, and is made longer only then.
//
// What lies there at a deadline that is over came in time: the thread may have been
// elsewhere, reading from a slow disk. One datagram is given for that, or somebody who
// sends without end would put the deadline off for ever.
func (s *socket) read(p []byte, deadline time.Time) (int, error) {
	for early := false; ; {
		wait := idleWait
		if !deadline.IsZero() {
			wait = time.Until(deadline)
		}
		var n int
		var err error
		switch {
		case wait > 0:
			s.late = false
			if s.armed == 0 || s.armed-wait > s.armed/8 || early {
				if err := s.arm(wait); err != nil {
					return 0, err
				}
			}
			n, err = s.receive(p)
		case s.late:
			s.late = false
			return 0, errDeadline
		default:
			s.late = true
			n, err = s.now(p)
		}
		switch {
		case err == nil && n == 0 && s.closed():
			return 0, errClosed
		case err == nil:
			return n, nil
		case errors.Is(err, unix.EINTR):
			// The Go runtime's own signals end a receive that has a timeout
			// (signal(7)); go round with the time that remains.
		case errors.Is(err, unix.EAGAIN):
			if deadline.IsZero() {
				return 0, errDeadline
			}
			early = true
		default:
			return 0, err
		}
	}
}

// receive waits for one datagram, as long as SO_RCVTIMEO says.
func (s *socket) receive(p []byte) (int, error) {
	if s.eager.try() {
		n, err := s.look(p)
		miss := errors.Is(err, unix.EAGAIN)
		s.eager.learn(!miss)
		if !miss {
			return n, err
		}
	}
	return unix.Read(s.fd, p)
}

func (s *socket) arm(wait time.Duration) error {
	// A timeout of zero would mean for ever.
	tv := unix.NsecToTimeval(max(wait, time.Millisecond).Nanoseconds())
	if err := unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return err
	}
	s.armed = wait
	return nil
}

// closed tells the end of file from a datagram without content.
func (s *socket) closed() bool { return s.poll(unix.POLLRDHUP) }

// pending says whether read would return at once.
func (s *socket) pending() bool { return s.poll(unix.POLLIN) }

// wait waits until bell is readable, or read would not wait, or the deadline has
// come, or for no reason.
func (s *socket) wait(bell int, deadline time.Time) (rung, received bool) {
	wait := idleWait
	if !deadline.IsZero() {
		wait = max(time.Until(deadline), 0)
	}
	fds := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}, {Fd: int32(bell), Events: unix.POLLIN}}
	timeout := unix.NsecToTimespec(wait.Nanoseconds())
	if n, err := unix.Ppoll(fds, &timeout, nil); err != nil || n == 0 {
		return false, false
	}
	return fds[1].Revents != 0, fds[0].Revents != 0
}

func (s *socket) poll(event int16) bool {
	fds := []unix.PollFd{{Fd: int32(s.fd), Events: event}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n == 1 && fds[0].Revents&event != 0
}

// Bounds of one write that the kernel cuts into datagrams: UDP_MAX_SEGMENTS of
// Linux before 6.9, and what one IPv4 datagram can hold (udp(7)).
const (
	maxSegments = 64
	maxWrite    = 65507
)

// maxControl is the longest packet that is not DATA, an ERROR. It must not be
// cut, so smaller blocks than the default go without segmentation.
const maxControl = dataHeaderLen + protocol.MaxMessageLen + 1

// segmentBy asks the kernel to cut each longer write into datagrams of stride
// bytes (UDP_SEGMENT, Linux 4.18), at most burst of them; 0: as many as it takes.
// Where it can't, writeAll does.
func (s *socket) segmentBy(stride, burst int) {
	s.segment = 0
	s.burst = min(maxSegments, maxWrite/stride)
	if burst > 0 {
		s.burst = min(s.burst, burst)
	}
	if stride < maxControl || s.burst < 2 {
		return
	}
	if unix.SetsockoptInt(s.fd, unix.SOL_UDP, unix.UDP_SEGMENT, stride) == nil {
		s.segment = stride
	}
}

// writeAll sends packets that lie one behind the other, all but the last of
// stride bytes. The first error is returned when all have been tried: each
// packet is a try of its own, as it would be with one write each.
func (s *socket) writeAll(p []byte, stride int) error {
	var first error
	for len(p) > 0 {
		n := min(stride, len(p))
		if s.segment > 0 {
			n = min(len(p), stride*s.burst)
		}
		err := s.write(p[:n])
		if n > stride && refusesSegments(err) {
			// No offload for the checksum, or a block above the path's MTU, which
			// segmentation never fragments: from now on in single packets.
			unix.SetsockoptInt(s.fd, unix.SOL_UDP, unix.UDP_SEGMENT, 0)
			s.segment = 0
			continue
		}
		if err != nil && first == nil {
			first = err
		}
		p = p[n:]
	}
	return first
}

func refusesSegments(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.EMSGSIZE) || errors.Is(err, unix.EINVAL)
}

func (s *socket) write(p []byte) error {
	for {
		_, err := unix.Write(s.fd, p)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
