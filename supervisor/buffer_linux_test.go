package supervisor

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// accounted is what the kernel counts for what waits on a socket.
func accounted(t *testing.T, fd int) int {
	t.Helper()
	var info [9]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	return int(info[0]) // SK_MEMINFO_RMEM_ALLOC
}

func TestARequestCostsNoMoreThanTheBufferIsSizedFor(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"127.0.0.1:0", "[::1]:0"} {
		for _, file := range []string{"pxelinux.0", strings.Repeat("long/", 90)} {
			l := mustListen(t, listen)
			conn := dial(t, l, strings.Trim(strings.TrimSuffix(listen, ":0"), "[]"))
			b := (protocol.Request{Op: protocol.OpRRQ, File: file, Options: []protocol.Option{
				{Name: "tsize", Value: "0"}, {Name: "blksize", Value: "1456"}, {Name: "windowsize", Value: "64"},
			}}).Append(nil)
			if _, err := conn.Write(b); err != nil {
				t.Fatal(err)
			}
			readable(t, l.fd)
			if got := accounted(t, l.fd); got == 0 || got > datagramCost {
				t.Errorf("%s: a request of %d bytes counts for %d, want at most %d", listen, len(b), got, datagramCost)
			}
		}
	}
}

func TestAPortsBufferIsAsLargeAsAllowed(t *testing.T) {
	t.Parallel()
	l := mustListen(t, "127.0.0.1:0")
	want := 2 * receiveBuffer
	if able, err := holds(unix.CAP_NET_ADMIN); err != nil || !able {
		want = 2 * min(receiveBuffer, allowedBuffer(t))
	}
	if l.room != want {
		t.Errorf("room for %d bytes, want %d", l.room, want)
	}
	if want := burst * datagramCost; 2*receiveBuffer < want {
		t.Errorf("%d bytes are asked for, want %d", receiveBuffer, want)
	}
}

func allowedBuffer(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/sys/net/core/rmem_max")
	var n int
	if err == nil {
		_, err = fmt.Sscan(string(b), &n)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The server of a test lacks the capability that would be needed.
func TestASmallBufferIsWarnedOfOnce(t *testing.T) {
	t.Parallel()
	s := startServer(t, spec{MinIdle: 1, Listen: []string{"127.0.0.1:0", "127.0.0.2:0"}})
	s.tell("drain")
	s.end()
	want := 0
	if allowedBuffer(t) < receiveBuffer {
		want = 1
	}
	if got := strings.Count(s.said(), fmt.Sprintf("sysctl=net.core.rmem_max=%d", receiveBuffer)); got != want {
		t.Errorf("%d warnings that name the sysctl and its value, want %d", got, want)
	}
}
