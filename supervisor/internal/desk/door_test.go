package desk

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/admin"
)

// admitted is a connection to a desk through a door, and the descriptor that was passed
// there, and kept.
func admitted(t *testing.T, server *counter, may bool) (conn *os.File, kept int) {
	t.Helper()
	door, helper, err := ipc.DoorPair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(helper) })
	server.Admit(door, may)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	conn = os.NewFile(uintptr(fds[0]), "helper's")
	t.Cleanup(func() { conn.Close(); unix.Close(fds[1]) })
	if err := unix.Sendmsg(helper, []byte{0}, unix.UnixRights(fds[1]), nil, 0); err != nil {
		t.Fatal(err)
	}
	return conn, fds[1]
}

func TestWhoComesThroughADoorMayWhatItsHelperMay(t *testing.T) {
	t.Parallel()
	server := newCounter(t)
	for _, may := range []bool{false, true} {
		conn, _ := admitted(t, server, may)
		c, err := admin.NewClient(conn)
		if err != nil {
			t.Fatal(err)
		}
		err = c.Do(admin.Request{Kind: admin.KindKill})
		if c.Hello.MayChange != may || (err == nil) != may {
			t.Errorf("may change something: %v, want %v: %v", c.Hello.MayChange, may, err)
		}
	}
}

func TestADoorIsClosedWhenItsHelperHasGone(t *testing.T) {
	t.Parallel()
	server := newCounter(t)
	door, helper, err := ipc.DoorPair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(helper) })
	unix.SetsockoptTimeval(helper, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(patience.Seconds())})
	server.Admit(door, false)
	unix.Shutdown(helper, unix.SHUT_WR) // as an end does; what is left of ours hears theirs
	if n, err := unix.Read(helper, make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("the desk has its end open still: %d, %v", n, err)
	}
}

// A helper that was taken over has the same open file as the desk, and has it block.
func TestAHelperThatHasItsConnectionBlockHoldsNothingUp(t *testing.T) {
	t.Parallel()
	server := newCounter(t)
	for _, ask := range []admin.Request{
		{ID: 1, Kind: admin.KindStatus},                    // whereupon the desk reads
		{ID: 1, Kind: admin.KindSessions, Number: 1 << 40}, // whereupon it writes
	} {
		conn, kept := admitted(t, server, false)
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Fatal(err) // it is known by now
		}
		if err := unix.SetNonblock(kept, false); err != nil {
			t.Fatal(err)
		}
		b, _ := ask.Append(nil)
		conn.Write(b)
	}
	if !eventually(func() bool { return server.asked.Load() == 2 }) {
		t.Fatal("they are not heard")
	}
	server.Close(func() *admin.Event { return &admin.Event{Event: admin.EventGone} })
	if !eventually(func() bool { return server.Clients() == 0 }) {
		t.Errorf("after the desk's end %d clients hold a thread each", server.Clients())
	}
}
