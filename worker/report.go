package worker

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// finalWait bounds how long a worker that has done its work waits for a
// supervisor which does not read.
const finalWait = 2 * time.Second

// report sends a frame, or drops it when the pipe is full: the next one says more.
func report(f *ipc.Frame) {
	if b, err := f.Append(nil); err == nil {
		writeFrame(b)
	}
}

// reportFinal sends the frame that must not be lost, and with it, in the same
// write, what follows it at once. It says whether that went out, or would have if
// there were still a supervisor.
func reportFinal(f *ipc.Frame, more ...byte) bool {
	b, err := f.Append(nil)
	if err != nil {
		return false
	}
	b = append(b, more...)
	for end := time.Now().Add(finalWait); errors.Is(writeFrame(b), unix.EAGAIN); {
		left := time.Until(end)
		if left <= 0 {
			return false
		}
		unix.Poll([]unix.PollFd{{Fd: ipc.Stats, Events: unix.POLLOUT}}, int(left.Milliseconds())+1)
	}
	return true
}

func writeFrame(b []byte) error {
	for {
		_, err := unix.Write(ipc.Stats, b)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
