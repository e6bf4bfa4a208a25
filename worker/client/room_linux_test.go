package client

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// A window comes at once. Where there is room for it none of it is lost, although
// nobody reads.
func TestAWindowFitsWhereThereIsRoom(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ blocks, blksize int }{{2, 8}, {64, 8}, {64, 1428}, {400, 512}, {200, 1468}, {16, 8192}, {4, 65464}} {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if !makeRoom(conn, tt.blocks, tt.blksize) {
			t.Logf("%d blocks of %d bytes: the machine has no such buffer", tt.blocks, tt.blksize)
			continue
		}
		from, err := net.DialUDP("udp4", nil, conn.LocalAddr().(*net.UDPAddr))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { from.Close() })
		for range tt.blocks {
			if _, err := from.Write(make([]byte, 4+tt.blksize)); err != nil {
				t.Fatal(err)
			}
		}
		got := 0
		control(conn, func(fd int) { got = queued(fd) })
		if got != tt.blocks {
			t.Errorf("%d of %d blocks of %d bytes are there", got, tt.blocks, tt.blksize)
		}
	}
}

func TestAWindowThatNoBufferHoldsIsTold(t *testing.T) {
	t.Parallel()
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if makeRoom(conn, 65535, 65464) {
		t.Error("4 GiB fit")
	}
}

// queued reads what a socket holds, and counts it.
func queued(fd int) (n int) {
	b := make([]byte, 1)
	for {
		if _, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT); err != nil {
			return n
		}
		n++
	}
}
