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
	if err := unix.SetNonblock(fds[0], true); err != nil {
		closeAll(fds[:])
		return -1, -1, fmt.Errorf("control socket: %w", err)
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
// descriptor is the caller's, close-on-exec; on an error there is none.
func ReceiveJob(control int) (Job, int, error) {
	buf := make([]byte, MaxJob)
	// Room for one descriptor more than is right: with less the kernel would drop
	// the surplus and say only MSG_CTRUNC, with this it can be counted.
	oob := make([]byte, unix.CmsgSpace(2*4))
	var n, oobn, flags int
	for {
		var err error
		n, oobn, flags, _, err = unix.Recvmsg(control, buf, oob, unix.MSG_CMSG_CLOEXEC)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return Job{}, -1, fmt.Errorf("waiting for a job: %w", err)
		}
	}
	const cut = unix.MSG_TRUNC | unix.MSG_CTRUNC
	if n == 0 && oobn == 0 && flags&cut == 0 {
		return Job{}, -1, io.EOF
	}
	fds := parseRights(oob[:oobn])
	if flags&cut != 0 || len(fds) != 1 {
		closeAll(fds) // the kernel has installed them already
		return Job{}, -1, fmt.Errorf("%w: %d came, flags %#x", ErrRights, len(fds), flags)
	}
	job, err := DecodeJob(buf[:n])
	if err != nil {
		closeAll(fds)
		return Job{}, -1, err
	}
	return job, fds[0], nil
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
