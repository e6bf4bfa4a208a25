package supervisor

import (
	"math/rand/v2"
	"testing"
)

// A plain map and a bounded one of sufficient size hold the same, whatever is done to them.
func TestBoundedIsAMap(t *testing.T) {
	t.Parallel()
	b := bounded[int, int]{most: 100}
	want := make(map[int]int)
	for step := range 10_000 {
		k := rand.IntN(100)
		switch rand.IntN(3) {
		case 0, 1:
			*b.get(k), want[k] = step, step
		default:
			b.forget(k)
			delete(want, k)
		}
		if step%1000 == 999 {
			odd := func(v *int) bool { return *v%2 == 1 }
			b.next = 0 // from the first one on all are seen once
			b.expire(b.len(), odd)
			for k, v := range want {
				if odd(&v) {
					delete(want, k)
				}
			}
		}
		if b.len() != len(want) || len(b.at) != len(want) {
			t.Fatalf("step %d: %d entries and %d keys, want %d", step, b.len(), len(b.at), len(want))
		}
		for k, v := range want {
			if got := b.find(k); got == nil || *got != v {
				t.Fatalf("step %d: key %d has %v, want %d", step, k, got, v)
			}
		}
	}
}

func TestBoundedForgetsOneForEachOneTooMany(t *testing.T) {
	t.Parallel()
	b := bounded[int, int]{most: 10}
	for k := range 1000 {
		if *b.get(k) = k; b.len() > 10 || len(b.at) != b.len() || *b.find(k) != k {
			t.Fatalf("after %d keys it has %d entries and %d keys, want 10 at most, and the latest", k+1, b.len(), len(b.at))
		}
	}
	for b.len() > 0 {
		b.forget(b.entries[0].key)
	}
	if b.at != nil || b.entries != nil {
		t.Error("an empty one holds memory")
	}
}
