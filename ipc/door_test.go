package ipc

import (
	"errors"
	"io"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAHelperEntersThroughItsDoor(t *testing.T) {
	t.Parallel()
	supervisor, helper, err := DoorPair()
	if err != nil {
		t.Fatal(err)
	}
	closing(t, supervisor)
	if _, err := Entered(supervisor); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("before anybody came: %v", err)
	}
	mine, err := Enter(helper)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, mine)
	theirs, err := Entered(supervisor)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, theirs)
	b := make([]byte, 8)
	unix.Write(theirs, []byte("hello"))
	if n, err := unix.Read(mine, b); err != nil || string(b[:n]) != "hello" {
		t.Errorf("read %q, %v through the door", b[:max(n, 0)], err)
	}
	for side, fd := range map[string]int{"the helper's": mine, "the supervisor's": theirs} {
		if _, err := unix.Read(fd, b); !errors.Is(err, unix.EAGAIN) {
			t.Errorf("%s end blocks, or not: %v", side, err)
		}
	}
	unix.Close(helper)
	if _, err := Entered(supervisor); !errors.Is(err, io.EOF) {
		t.Errorf("after the helper's end: %v", err)
	}
}

// A supervisor that is stopped lets nobody in.
func TestADoorThatIsFullIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	supervisor, helper, err := DoorPair()
	if err != nil {
		t.Fatal(err)
	}
	closing(t, supervisor, helper)
	for err == nil {
		var mine int
		if mine, err = Enter(helper); err == nil {
			unix.Close(mine)
		}
	}
	if !errors.Is(err, unix.EAGAIN) {
		t.Errorf("through a door that is full: %v", err)
	}
}

// A helper that was taken over may pass what it likes.
func TestOnlyConnectionsComeThroughADoor(t *testing.T) {
	t.Parallel()
	supervisor, helper, err := DoorPair()
	if err != nil {
		t.Fatal(err)
	}
	closing(t, supervisor, helper)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	packets, _ := controlPair(t)
	udp, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, packets, udp, pipe[1])
	for name, rights := range map[string][]int{
		"nothing": nil, "a pipe": {pipe[0]}, "a packet socket": {packets}, "a UDP socket": {udp}, "two": {packets, packets},
	} {
		if err := unix.Sendmsg(helper, []byte{0}, unix.UnixRights(rights...), nil, 0); err != nil {
			t.Fatal(err)
		}
		if fd, err := Entered(supervisor); !errors.Is(err, ErrMalformed) || fd != -1 {
			t.Errorf("%s: descriptor %d, %v", name, fd, err)
		}
	}
	// And what came is closed; a child of another test may have it until it is executed.
	unix.Close(pipe[0])
	err = nil
	for end := time.Now().Add(time.Minute); !errors.Is(err, unix.EPIPE) && time.Now().Before(end); {
		_, err = unix.Write(pipe[1], []byte("x"))
	}
	if !errors.Is(err, unix.EPIPE) {
		t.Errorf("somebody still has the pipe that was passed: %v", err)
	}
}
