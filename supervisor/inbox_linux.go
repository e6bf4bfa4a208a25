package supervisor

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// inbox brings calls from other goroutines to the loop. An eventfd wakes it.
type inbox struct {
	mu    sync.Mutex
	wake  int // -1 once closed: its number may belong to another file by then
	calls []func()
}

func newInbox() (*inbox, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	return &inbox{wake: fd}, nil
}

// post has the loop call f. After the loop's end it does nothing.
func (in *inbox) post(f func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.wake >= 0 {
		in.calls = append(in.calls, f)
		unix.Write(in.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

func (in *inbox) take() []func() {
	in.mu.Lock()
	defer in.mu.Unlock()
	var b [8]byte
	unix.Read(in.wake, b[:])
	calls := in.calls
	in.calls = nil
	return calls
}

func (in *inbox) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	ipc.CloseFD(in.wake)
	in.wake = -1
}
