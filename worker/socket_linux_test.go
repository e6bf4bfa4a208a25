package worker

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// connectedPair returns two UDP sockets on loopback that are connected to each other.
func connectedPair(t *testing.T) (s *socket, peer int) {
	t.Helper()
	var fds [2]int
	var addrs [2]unix.Sockaddr
	for i := range fds {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		fds[i] = fd
		if addrs[i], err = unix.Getsockname(fd); err != nil {
			t.Fatal(err)
		}
	}
	for i := range fds {
		if err := unix.Connect(fds[i], addrs[1-i]); err != nil {
			t.Fatal(err)
		}
	}
	return &socket{fd: fds[0]}, fds[1]
}

// later is a deadline that no test reaches.
func later() time.Time { return time.Now().Add(time.Minute) }

func send(t *testing.T, fd int, text string) {
	t.Helper()
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestASocketReadsDatagrams(t *testing.T) {
	t.Parallel()
	s, peer := connectedPair(t)
	buf := make([]byte, 4)
	for _, text := range []string{"ab", "", "c", "longer than the buffer"} {
		send(t, peer, text)
		want := text[:min(len(text), len(buf))]
		if n, err := s.read(buf, later()); err != nil || string(buf[:n]) != want {
			t.Errorf("sent %q: read %q, %v; want %q", text, buf[:n], err, want)
		}
	}
	if err := s.write([]byte("to the peer")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	if n, err := unix.Read(peer, b); err != nil || string(b[:n]) != "to the peer" {
		t.Errorf("the peer read %q, %v", b[:max(n, 0)], err)
	}
}

func TestASocketKeepsItsDeadline(t *testing.T) {
	t.Parallel()
	s, peer := connectedPair(t)
	buf := make([]byte, 4)
	for _, wait := range []time.Duration{0, -time.Hour, time.Microsecond, 10 * time.Millisecond} {
		deadline := time.Now().Add(wait)
		n, err := s.read(buf, deadline)
		if n != 0 || !errors.Is(err, errDeadline) {
			t.Errorf("nothing came: read %d, %v; want %v", n, err, errDeadline)
		}
		if early := time.Until(deadline); early > 0 {
			t.Errorf("a wait of %v ended %v early", wait, early)
		}
	}
	send(t, peer, "x")
	if n, err := s.read(buf, later()); n != 1 || err != nil {
		t.Errorf("after all deadlines: read %d, %v; want the datagram", n, err)
	}
}

// TestASocketIsArmedOnlyWhenItMatters holds a packet to one system call.
func TestASocketIsArmedOnlyWhenItMatters(t *testing.T) {
	t.Parallel()
	s, peer := connectedPair(t)
	buf := make([]byte, 4)
	read := func(wait time.Duration) time.Duration {
		send(t, peer, "x")
		if _, err := s.read(buf, time.Now().Add(wait)); err != nil {
			t.Fatal(err)
		}
		return s.armed
	}
	hour := read(time.Hour)
	if hour <= 59*time.Minute || hour > time.Hour {
		t.Fatalf("armed for %v, want an hour", hour)
	}
	if got := read(55 * time.Minute); got != hour {
		t.Errorf("armed anew for %v although %v is near enough", got, hour)
	}
	if got := read(30 * time.Minute); got > 30*time.Minute {
		t.Errorf("armed for %v, want half an hour", got)
	}
	if got := read(time.Hour); got > 30*time.Minute {
		t.Errorf("armed anew for %v before the shorter timeout has passed", got)
	}
}

func TestASocketTellsTheEndFromAnEmptyDatagram(t *testing.T) {
	t.Parallel()
	for _, how := range []int{unix.SHUT_RD, unix.SHUT_RDWR} {
		s, peer := connectedPair(t)
		buf := make([]byte, 4)
		send(t, peer, "")
		if n, err := s.read(buf, later()); n != 0 || err != nil {
			t.Errorf("an empty datagram: read %d, %v; want 0, nil", n, err)
		}
		if err := unix.Shutdown(s.fd, how); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if n, err := s.read(buf, later()); n != 0 || !errors.Is(err, errClosed) {
				t.Errorf("shutdown %d: read %d, %v; want %v", how, n, err, errClosed)
			}
		}
		err := s.write([]byte("x"))
		if want := map[int]error{unix.SHUT_RDWR: unix.EPIPE}[how]; !errors.Is(err, want) {
			t.Errorf("shutdown %d: write: %v, want %v", how, err, want)
		}
	}
}

func TestAShutdownEndsAReadThatWaits(t *testing.T) {
	t.Parallel()
	s, _ := connectedPair(t)
	result := make(chan error)
	thread := readInBackground(s, result)
	untilReading(t, thread)
	if err := unix.Shutdown(s.fd, unix.SHUT_RD); err != nil {
		t.Fatal(err)
	}
	if err := <-result; !errors.Is(err, errClosed) {
		t.Errorf("read: %v, want %v", err, errClosed)
	}
}

func TestASocketHearsOfAClosedPort(t *testing.T) {
	t.Parallel()
	s, _ := connectedPair(t)
	gone, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	// An address that no other test uses: nobody else gets this port.
	if err := unix.Bind(gone, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 1, 1}}); err != nil {
		t.Fatal(err)
	}
	addr, err := unix.Getsockname(gone)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(s.fd, addr); err != nil {
		t.Fatal(err)
	}
	unix.Close(gone)
	if err := s.write([]byte("x")); err != nil {
		t.Fatalf("the write that finds it out: %v", err)
	}
	if _, err := s.read(make([]byte, 4), later()); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("read: %v, want %v", err, unix.ECONNREFUSED)
	}
}

// TestASignalDoesNotEndARead: the runtime's own signals interrupt a receive with
// a timeout although their handlers say SA_RESTART (signal(7)).
func TestASignalDoesNotEndARead(t *testing.T) {
	t.Parallel()
	s, peer := connectedPair(t)
	result := make(chan error)
	thread := readInBackground(s, result)
	for range 10 {
		untilReading(t, thread)
		if err := unix.Tgkill(unix.Getpid(), thread, unix.SIGURG); err != nil {
			t.Fatal(err)
		}
	}
	send(t, peer, "x")
	if err := <-result; err != nil {
		t.Errorf("read: %v, want the datagram", err)
	}
}

// readInBackground returns the thread that reads.
func readInBackground(s *socket, result chan<- error) (thread int) {
	tid := make(chan int)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		tid <- unix.Gettid()
		_, err := s.read(make([]byte, 4), later())
		result <- err
	}()
	return <-tid
}

// untilReading waits until a thread sleeps in read(2).
func untilReading(t *testing.T, thread int) {
	t.Helper()
	for {
		b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", thread))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(b), fmt.Sprintf("%d ", unix.SYS_READ)) {
			return
		}
		runtime.Gosched()
	}
}

// TestWhatCameBeforeItsDeadlineIsHeardAfterIt, but one datagram at a time: somebody who
// sends without end would put the deadline off for ever.
func TestWhatCameBeforeItsDeadlineIsHeardAfterIt(t *testing.T) {
	t.Parallel()
	s, peer := connectedPair(t)
	for _, b := range []string{"one", "two"} {
		if _, err := unix.Write(peer, []byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	p := make([]byte, 16)
	for i, want := range []string{"one", "", "two", "", ""} {
		n, err := s.read(p, time.Now().Add(-time.Hour))
		if string(p[:n]) != want || (want == "") != errors.Is(err, errDeadline) {
			t.Fatalf("read %d: %q, %v; want %q", i, p[:n], err, want)
		}
	}
}
