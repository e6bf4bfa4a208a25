package protocol

import "testing"

func TestSequenceWire(t *testing.T) {
	tests := []struct {
		block     uint64
		zero, one uint16 // rollover 0 and 1
	}{
		{0, 0, 0},
		{1, 1, 1},
		{65535, 65535, 65535},
		{65536, 0, 1},
		{65537, 1, 2},
		{131070, 65534, 65535},
		{131071, 65535, 1},
		{131072, 0, 2},
	}
	for _, tt := range tests {
		if zero, one := sequence(0).wire(tt.block), sequence(1).wire(tt.block); zero != tt.zero || one != tt.one {
			t.Errorf("block %d is %d and %d, want %d and %d", tt.block, zero, one, tt.zero, tt.one)
		}
	}
}

func TestSequenceAheadUndoesWire(t *testing.T) {
	for _, seq := range []sequence{0, 1} {
		for _, block := range []uint64{0, 1, 2, 65533, 65534, 65535, 65536, 65537, 131069, 131070, 131071, 131072, 1 << 40} {
			for _, n := range []uint64{0, 1, 2, 63, 32768, 65533, 65534} {
				if got, ok := seq.ahead(block, seq.wire(block+n)); !ok || got != n {
					t.Errorf("rollover %d: %d blocks after %d reads as %d, %v", seq, n, block, got, ok)
				}
			}
		}
	}
	if _, ok := sequence(1).ahead(65535, 0); ok {
		t.Error("rollover 1: there is a number 0 after the first block")
	}
}
