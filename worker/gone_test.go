package worker

import (
	"testing"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// A client that has its file sends the last ACK and closes its port. If the last
// block went out once more in between, both the ACK and an error wait for us.
func TestAnACKCountsThoughItsSenderIsGone(t *testing.T) {
	t.Parallel()
	s, _ := connectedPair(t)
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	// An address that no other test uses: nobody else gets this port.
	if err := unix.Bind(client, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 1, 2}}); err != nil {
		t.Fatal(err)
	}
	addr, err := unix.Getsockname(client)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(s.fd, addr); err != nil {
		t.Fatal(err)
	}
	ours, err := unix.Getsockname(s.fd)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Sendto(client, protocol.Ack{Block: 7}.Append(nil), 0, ours); err != nil {
		t.Fatal(err)
	}
	unix.Close(client)
	if err := s.write([]byte("the last block, again")); err != nil {
		t.Fatal(err)
	}

	tr := &transfer{Session: &Session{socket: *s, in: make([]byte, 64)}, sender: protocol.NewSender(protocol.SenderConfig{})}
	tr.window = newTestWindow(nil, 0, 8, 1)
	for _, want := range []protocol.Event{
		{Kind: protocol.EventAck, Block: 7},
		{Kind: protocol.EventUnreachable},
	} {
		if ev, err := tr.next(later()); err != nil || ev.Kind != want.Kind || ev.Block != want.Block {
			t.Fatalf("got %+v, %v, want %+v", ev, err, want)
		}
	}
}
