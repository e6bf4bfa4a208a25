package worker

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestLookingStopsWhereAnswersComeLate(t *testing.T) {
	t.Parallel()
	var e eager
	looks := 0
	for range eagerMost + 3*(eagerRest+1) {
		if e.try() {
			looks++
			e.learn(false)
		}
	}
	if want := eagerMost + 3; looks != want {
		t.Errorf("looked %d times, want %d: a few, then once after each rest", looks, want)
	}
	for !e.try() {
	}
	e.learn(true)
	for i := range eagerMost - 1 {
		if !e.try() {
			t.Fatalf("one answer in time is forgotten after %d late ones", i)
		}
		e.learn(false)
	}
}

func TestLookingFindsWhatIsThereAndReturnsWithoutIt(t *testing.T) {
	t.Parallel()
	s, peer := connectedPair(t)
	buf := make([]byte, 8)
	if n, err := s.look(buf); err != unix.EAGAIN {
		t.Errorf("with nothing there: %d, %v, want %v", n, err, unix.EAGAIN)
	}
	send(t, peer, "answer")
	if n, err := s.look(buf); err != nil || string(buf[:n]) != "answer" {
		t.Errorf("got %q, %v", buf[:n], err)
	}
}

func TestReceivingAllocatesNothing(t *testing.T) {
	s, peer := connectedPair(t)
	buf, packet := make([]byte, 64), []byte("ack")
	if n := testing.AllocsPerRun(100, func() {
		if _, err := unix.Write(peer, packet); err != nil {
			t.Fatal(err)
		}
		if _, err := s.read(buf, later()); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a packet takes %v allocations", n)
	}
}
