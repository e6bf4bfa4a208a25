package ipc

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// ErrRights is the cause when a job did not come with exactly one descriptor.
var ErrRights = errors.New("ipc: a job must carry exactly one descriptor")

// SocketPair returns the two ends of a control socket, both close-on-exec. The
// supervisor's end never blocks.
func SocketPair() (supervisor, worker int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, -1, fmt.Errorf("control socket: %w", err)
	}
	if err := neverBlock(fds[0]); err != nil {
		closeAll(fds[:])
		return -1, -1, fmt.Errorf("control socket: %w", err)
	}
	return fds[0], fds[1], nil
}

// HelperPair returns the two ends of a worker's socket to a helper, both
// close-on-exec. Neither blocks: who does not read there costs nobody else.
func HelperPair() (supervisor, worker int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, -1, fmt.Errorf("helper's socket: %w", err)
	}
	return fds[0], fds[1], nil
}

// SendJob sends an encoded job and one descriptor, which stays the caller's.
func SendJob(control int, job []byte, socket int) error {
	// MSG_NOSIGNAL: a worker that died a moment ago must cost EPIPE, not SIGPIPE.
	err := unix.Sendmsg(control, job, unix.UnixRights(socket), nil, unix.MSG_NOSIGNAL)
	if err != nil {
		return fmt.Errorf("handing a job over: %w", err)
	}
	return nil
}

// ReceiveJob waits for the next job. It returns io.EOF when none will come. The
// descriptor is the caller's, close-on-exec; on an error there is none. buf is for
// the message, MaxJob bytes, of which nothing is left in it.
func ReceiveJob(control int, buf []byte) (Job, int, error) {
	n, fds, cut, err := ReceiveRights(control, buf)
	defer clear(buf[:n])
	if err != nil {
		return Job{}, -1, fmt.Errorf("waiting for a job: %w", err)
	}
	if n == 0 && len(fds) == 0 && !cut {
		return Job{}, -1, io.EOF
	}
	if cut || len(fds) != 1 {
		closeAll(fds) // the kernel has installed them already
		return Job{}, -1, fmt.Errorf("%w: %d came, cut short: %v", ErrRights, len(fds), cut)
	}
	job, err := DecodeJob(buf[:n])
	if err != nil {
		closeAll(fds)
		return Job{}, -1, err
	}
	return job, fds[0], nil
}

// ReceiveRights receives one message, and the descriptors that come with it, at most
// two. They are the caller's, close-on-exec. It says whether any of it was cut
// short, which is how a third one shows. It waits only if the socket does.
func ReceiveRights(socket int, buf []byte) (n int, fds []int, cut bool, err error) {
	// Room for one descriptor more than is ever right: with less the kernel would
	// drop the surplus and say only MSG_CTRUNC, with this it can be counted.
	oob := make([]byte, unix.CmsgSpace(2*4))
	for {
		n, oobn, flags, _, err := unix.Recvmsg(socket, buf, oob, unix.MSG_CMSG_CLOEXEC)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, nil, false, err
		}
		return n, parseRights(oob[:oobn]), flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0, nil
	}
}

func parseRights(oob []byte) []int {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	var all []int
	for i := range messages {
		if fds, err := unix.ParseUnixRights(&messages[i]); err == nil {
			all = append(all, fds...)
		}
	}
	return all
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
