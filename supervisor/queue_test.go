package supervisor

import (
	"slices"
	"testing"
	"time"
)

func waiting(q *queue) []uint64 {
	var ids []uint64
	for _, s := range q.waiting {
		ids = append(ids, s.id)
	}
	return ids
}

func TestQueueGivesTheOldestFirst(t *testing.T) {
	t.Parallel()
	var q queue
	for id := uint64(1); id <= 3; id++ {
		q.push(&session{id: id})
	}
	first := q.pop()
	q.push(&session{id: 4})
	if got := waiting(&q); first.id != 1 || !slices.Equal(got, []uint64{2, 3, 4}) {
		t.Errorf("popped %d and left %v, want 1 and [2 3 4]", first.id, got)
	}
	q.unpop(first)
	if got := waiting(&q); !slices.Equal(got, []uint64{1, 2, 3, 4}) {
		t.Errorf("after putting it back: %v, want [1 2 3 4]", got)
	}
	for want := uint64(1); want <= 4; want++ {
		if got := q.pop().id; got != want {
			t.Errorf("popped %d, want %d", got, want)
		}
	}
	if q.len() != 0 || q.waiting != nil {
		t.Errorf("the empty queue holds on to room for %d", cap(q.waiting))
	}
	q.unpop(first)
	if got := waiting(&q); !slices.Equal(got, []uint64{1}) {
		t.Errorf("put back into an empty queue: %v, want [1]", got)
	}
}

func TestQueueDropsThoseWhoGaveUp(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, tt := range []struct {
		name          string
		seen          []time.Duration // ago
		kept, dropped []uint64
	}{
		{"an empty queue", nil, nil, nil},
		{"nobody", []time.Duration{0, staleAfter}, []uint64{1, 2}, nil},
		{"everybody", []time.Duration{staleAfter + 1, time.Hour}, nil, []uint64{1, 2}},
		{
			"those in between, in their order",
			[]time.Duration{0, time.Hour, 0, time.Minute, time.Second},
			[]uint64{1, 3, 5},
			[]uint64{2, 4},
		},
	} {
		var q queue
		for i, ago := range tt.seen {
			q.push(&session{id: uint64(i + 1), seen: now.Add(-ago)})
		}
		all := q.waiting
		var dropped []uint64
		q.dropStale(now, func(s *session) { dropped = append(dropped, s.id) })
		if got := waiting(&q); !slices.Equal(got, tt.kept) || !slices.Equal(dropped, tt.dropped) {
			t.Errorf("%s: kept %v and dropped %v, want %v and %v", tt.name, got, dropped, tt.kept, tt.dropped)
		}
		for i, s := range all[len(tt.kept):] {
			if s != nil {
				t.Errorf("%s: the queue still refers to session %d behind its end (%d)", tt.name, s.id, i)
			}
		}
	}
}
