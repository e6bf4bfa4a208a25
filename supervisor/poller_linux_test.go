package supervisor

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAPollerWaitsForWhatHappens(t *testing.T) {
	t.Parallel()
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(epoll)
	p, err := newPoller(epoll)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	var pipes [3][2]int
	for i := range pipes {
		if err := unix.Pipe2(pipes[i][:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pipes[i][0])
		defer unix.Close(pipes[i][1])
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, pipes[i][0], &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}); err != nil {
			t.Fatal(err)
		}
	}
	events := make([]unix.EpollEvent, 1) // fewer than there may be
	for _, d := range []time.Duration{-1, 0, time.Millisecond} {
		if n := p.wait(events, d); n != 0 {
			t.Errorf("nothing has happened, and for %v there are %d events", d, n)
		}
	}
	go unix.Write(pipes[1][1], []byte{1})
	if n := p.wait(events, patience); n != 1 || events[0].Fd != 1 {
		t.Errorf("%d events of %d, want that of pipe 1", n, events[0].Fd)
	}
	// What was not read is there still, and nobody hides another for ever.
	seen := make(map[int32]bool)
	unix.Write(pipes[0][1], []byte{1})
	unix.Write(pipes[2][1], []byte{1})
	for range 20 {
		for _, d := range []time.Duration{0, patience} {
			if n := p.wait(events, d); n != 1 {
				t.Fatalf("%d events, and three pipes have something to read", n)
			}
			seen[events[0].Fd] = true
		}
	}
	if len(seen) != 3 {
		t.Errorf("events came of %v alone", seen)
	}
	for i := range pipes {
		unix.Read(pipes[i][0], make([]byte, 8))
	}
	if n := p.wait(events, 0); n != 0 {
		t.Errorf("all is read, and there are %d events", n)
	}
	// An event in the very moment before the wait is not missed.
	for range 1000 {
		go unix.Write(pipes[2][1], []byte{1})
		if n := p.wait(events, patience); n != 1 {
			t.Fatalf("an event was missed")
		}
		unix.Read(pipes[2][0], make([]byte, 8))
	}
}
