package worker

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// packets lays n packets of stride bytes one behind the other, the last one of
// tail bytes.
func packets(n, stride, tail int) (all []byte, each [][]byte) {
	for i := range n {
		size := stride
		if i == n-1 {
			size = tail
		}
		p := bytes.Repeat([]byte{byte('a' + i)}, size)
		all, each = append(all, p...), append(each, p)
	}
	return all, each
}

func expectDatagrams(t *testing.T, fd int, want [][]byte) {
	t.Helper()
	buf := make([]byte, 65536)
	for i, w := range want {
		n, _, err := unix.Recvfrom(fd, buf, unix.MSG_DONTWAIT)
		if err != nil || !bytes.Equal(buf[:n], w) {
			t.Fatalf("datagram %d: %v, %d bytes, want %d", i, err, n, len(w))
		}
	}
	if n, _, err := unix.Recvfrom(fd, buf, unix.MSG_DONTWAIT); err == nil {
		t.Errorf("one datagram more, of %d bytes", n)
	}
}

func TestPacketsArriveOneByOneHoweverTheyAreWritten(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		segment   bool
		n, stride int
		tail      int
	}{
		{"cut by the kernel", true, 20, 1432, 1432},
		{"cut by the kernel, the last one short", true, 20, 1432, 4},
		{"more than one write takes", true, 70, 516, 100},
		{"one packet", true, 1, 1432, 1432},
		{"one short packet", true, 1, 1432, 4},
		{"large blocks, few to a write", true, 5, 16388, 16388},
		{"too large for two", true, 2, 65468, 10},
		{"smaller than an ERROR", true, 9, 12, 7},
		{"not cut by the kernel", false, 20, 1432, 9},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, peer := connectedPair(t)
			for _, fd := range []int{s.fd, peer} {
				for _, option := range []int{unix.SO_SNDBUF, unix.SO_RCVBUF} {
					if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 4<<20); err != nil {
						t.Fatal(err)
					}
				}
			}
			if tt.segment {
				s.segmentBy(tt.stride, 0)
			}
			all, each := packets(tt.n, tt.stride, tt.tail)
			if err := s.writeAll(all, tt.stride); err != nil {
				t.Fatal(err)
			}
			expectDatagrams(t, peer, each)
			// An ERROR or OACK goes out whole, whatever the blocks' length is.
			long := bytes.Repeat([]byte("e"), maxControl)
			if err := s.write(long); err != nil {
				t.Fatal(err)
			}
			expectDatagrams(t, peer, [][]byte{long})
		})
	}
}

// A peer that asks for it (UDP_GRO) is given what was sent at once in one piece.
func TestAWindowGoesInBursts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		burst int
		want  []int // packets in each write
	}{
		{0, []int{20}}, {64, []int{20}}, {8, []int{8, 8, 4}}, {19, []int{19, 1}}, {1, slices.Repeat([]int{1}, 20)},
	} {
		s, peer := connectedPair(t)
		if err := unix.SetsockoptInt(peer, unix.SOL_UDP, unix.UDP_GRO, 1); err != nil {
			t.Fatal(err)
		}
		s.segmentBy(1432, tt.burst)
		all, _ := packets(20, 1432, 1432)
		if err := s.writeAll(all, 1432); err != nil {
			t.Fatal(err)
		}
		var got []int
		for buf := make([]byte, 1<<16); len(got) < len(tt.want); {
			n, err := unix.Read(peer, buf)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, n/1432)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("at most %d: writes of %d packets, want %d", tt.burst, got, tt.want)
		}
	}
}

func TestAKernelThatWillNotCutCostsNoPacket(t *testing.T) {
	t.Parallel()
	s, peer := connectedPair(t)
	s.segmentBy(1432, 0)
	if s.segment != 1432 {
		t.Fatal("this kernel has no UDP_SEGMENT")
	}
	// Without checksums the kernel refuses to cut, with EIO (udp(7)).
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		all, each := packets(20, 1432, 77)
		if err := s.writeAll(all, 1432); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		expectDatagrams(t, peer, each)
		if s.segment != 0 {
			t.Errorf("round %d: it is asked to again", round)
		}
	}
}

func TestSendingAWindowAllocatesNothing(t *testing.T) {
	s, peer := connectedPair(t)
	s.segmentBy(1432, 0)
	all, each := packets(16, 1432, 1432)
	buf := make([]byte, 2048)
	if n := testing.AllocsPerRun(100, func() {
		if err := s.writeAll(all, 1432); err != nil {
			t.Fatal(err)
		}
		for range each {
			if _, err := unix.Read(peer, buf); err != nil {
				t.Fatal(fmt.Errorf("reading: %w", err))
			}
		}
	}); n != 0 {
		t.Errorf("a window takes %v allocations", n)
	}
}
