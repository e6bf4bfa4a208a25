package protocol

import "testing"

func TestEchoes(t *testing.T) {
	resends := func(e *echoes, duplicates int) (n int) {
		for range duplicates {
			if e.unexplained() {
				n++
			}
		}
		return n
	}
	var e echoes
	e.advance(8, 8) // sent once
	if n := resends(&e, 10); n != 1 {
		t.Errorf("%d resends for ten duplicates without a reason, want 1", n)
	}
	e.resend(16, 8)
	e.advance(16, 16)
	if n := resends(&e, 8); n != 0 {
		t.Errorf("%d resends for eight duplicates after eight blocks went twice, want 0", n)
	}
	if n := resends(&e, 8); n != 1 {
		t.Errorf("%d resends for more, want 1", n)
	}
	e.advance(24, 24) // sent once, so what went twice is past
	if n := resends(&e, 1); n != 1 {
		t.Errorf("%d resends for a duplicate after a clean window, want 1", n)
	}
	e.restart(40)
	for block, want := range map[uint64]bool{39: false, 40: true, 41: false} {
		if got := e.needless(block); got != want {
			t.Errorf("after a restart with 40 in flight, needless(%d) = %v, want %v", block, got, want)
		}
	}
}
