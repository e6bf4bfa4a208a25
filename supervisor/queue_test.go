package supervisor

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// asks is a session that waits; its source is a number.
func asks(source byte, id uint64) *session {
	return &session{id: id, with: conversation{peer: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, source}), uint16(id))}}
}

// all is room for everybody.
func all(netip.Addr) int { return 1 << 30 }

// popped empties a queue.
func popped(q *queue) (ids []uint64) {
	for s := q.pop(all); s != nil; s = q.pop(all) {
		ids = append(ids, s.id)
	}
	return ids
}

func TestSourcesTakeTurnsAndTheOldestOfEachGoesFirst(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		sources []byte // of sessions 1, 2, 3 ...
		want    []uint64
	}{
		{"nobody", nil, nil},
		{"one source", []byte{1, 1, 1}, []uint64{1, 2, 3}},
		{"as many as sources", []byte{3, 1, 2}, []uint64{1, 2, 3}},
		{"a flood before two others", []byte{1, 1, 1, 1, 2, 3, 3}, []uint64{1, 5, 6, 2, 7, 3, 4}},
	} {
		var q queue
		for i, source := range tt.sources {
			q.push(asks(source, uint64(i+1)))
		}
		if n := q.len(); n != len(tt.sources) {
			t.Errorf("%s: %d wait, want %d", tt.name, n, len(tt.sources))
		}
		if got := popped(&q); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		if q.len() != 0 || q.turns != nil || len(q.lanes) != 0 || q.fattest != nil {
			t.Errorf("%s: the empty queue holds on to %+v", tt.name, q)
		}
	}
}

func TestWhatIsPutBackIsNext(t *testing.T) {
	t.Parallel()
	var q queue
	for i, source := range []byte{1, 1, 2} {
		q.push(asks(source, uint64(i+1)))
	}
	for range 2 { // with others of its source waiting, and after the queue was empty
		first := q.pop(all)
		rest := q.len()
		q.unpop(first)
		if again := q.pop(all); again != first || q.len() != rest {
			t.Errorf("popped %d and then %d, with %d and then %d left", first.id, again.id, rest, q.len())
		}
		popped(&q)
		q.push(asks(7, 9))
	}
}

func TestASourceWithoutRoomIsPassed(t *testing.T) {
	t.Parallel()
	var q queue
	for i, source := range []byte{1, 1, 1, 2, 2} {
		q.push(asks(source, uint64(i+1)))
	}
	left := map[byte]int{1: 1, 2: 9}
	room := func(a netip.Addr) int { return left[a.As4()[3]] }
	if n := q.eligible(100, room); n != 3 {
		t.Errorf("%d are eligible, want 1 of the first and 2 of the second", n)
	}
	if n := q.eligible(2, room); n != 2 {
		t.Errorf("%d are eligible, want no more than 2 looked for", n)
	}
	var got []uint64
	for s := q.pop(room); s != nil; s = q.pop(room) {
		got = append(got, s.id)
		left[s.source().As4()[3]]--
	}
	if !slices.Equal(got, []uint64{1, 4, 5}) || q.len() != 2 {
		t.Errorf("popped %v and left %d, want [1 4 5] and 2", got, q.len())
	}
	left[1] = 2
	if s := q.pop(room); s == nil || s.id != 2 {
		t.Errorf("with room again: %+v, want 2", s)
	}
}

func TestTheLatestOfTheLongestLaneIsDisplaced(t *testing.T) {
	t.Parallel()
	var q queue
	if s := q.displace(); s != nil {
		t.Errorf("displaced %d of nobody", s.id)
	}
	for i, source := range []byte{1, 2, 2, 2, 3, 3} {
		q.push(asks(source, uint64(i+1)))
	}
	if s := q.displace(); s == nil || s.id != 4 || q.len() != 5 {
		t.Errorf("displaced %+v of %d, want 4", s, q.len())
	}
	q.dropStale(time.Time{}, 1, nil) // looks for the longest anew
	if s := q.displace(); s == nil || s.id != 3 {
		t.Errorf("displaced %+v, want 3", s)
	}
	q.dropStale(time.Time{}, 1, nil)
	if s := q.displace(); s == nil || s.id != 6 {
		t.Errorf("displaced %+v, want 6", s)
	}
	if s := q.displace(); s != nil {
		t.Errorf("displaced %d, of a source with one place", s.id)
	}
	if got := popped(&q); !slices.Equal(got, []uint64{1, 2, 5}) {
		t.Errorf("left %v, want [1 2 5]", got)
	}
}

// A long queue that is stale as a whole goes bit by bit, or the loop would stand.
func TestQueueDropsSoManyAtOnce(t *testing.T) {
	t.Parallel()
	now := time.Now()
	e := newEntrance()
	for i := range 10 {
		s := waiter(uint64(i), i%3, i%2 == 0)
		s.seen = now.Add(-time.Hour)
		e.push(s)
	}
	for _, want := range []int{6, 2, 0} {
		dropped := 0
		more := e.dropStale(now, 4, func(*session) { dropped++ })
		if e.len() != want || more != (dropped == 4) {
			t.Errorf("%d dropped, %d left, more %v; want %d left", dropped, e.len(), more, want)
		}
	}
}

func TestQueueDropsThoseWhoGaveUp(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, tt := range []struct {
		name          string
		seen          []time.Duration // ago; from sources 0, 1, 0, 1 ...
		kept, dropped []uint64
	}{
		{"an empty queue", nil, nil, nil},
		{"nobody", []time.Duration{0, staleAfter}, []uint64{1, 2}, nil},
		{"everybody", []time.Duration{staleAfter + 1, time.Hour}, nil, []uint64{1, 2}},
		{"one source", []time.Duration{0, time.Hour, 0, time.Minute, time.Second}, []uint64{1, 3, 5}, []uint64{2, 4}},
		{"one of each", []time.Duration{time.Hour, 0, 0, time.Minute}, []uint64{3, 2}, []uint64{1, 4}},
	} {
		var q queue
		for i, ago := range tt.seen {
			s := asks(byte(i%2), uint64(i+1))
			s.seen = now.Add(-ago)
			q.push(s)
		}
		var dropped []uint64
		q.dropStale(now, 1000, func(s *session) { dropped = append(dropped, s.id) })
		slices.Sort(dropped)
		if n := q.len(); n != len(tt.kept) || !slices.Equal(dropped, tt.dropped) {
			t.Errorf("%s: dropped %v and left %d, want %v and %d", tt.name, dropped, n, tt.dropped, len(tt.kept))
		}
		if got := popped(&q); !slices.Equal(got, tt.kept) {
			t.Errorf("%s: kept %v, want %v", tt.name, got, tt.kept)
		}
		if len(q.lanes) != 0 || q.turns != nil {
			t.Errorf("%s: the empty queue holds on to %+v", tt.name, q)
		}
	}
}

func TestWhoAsksLessAndLessOftenIsWaitedFor(t *testing.T) {
	t.Parallel()
	const sec = time.Second
	for _, tt := range []struct {
		name  string
		asks  []time.Duration // after the first request
		stale time.Duration   // after the last one
	}{
		{"once", nil, staleAfter},
		{"every second", []time.Duration{sec, 2 * sec, 3 * sec}, staleAfter},
		{"with doubling pauses", []time.Duration{4 * sec}, 10 * sec},
		{"with doubling pauses, later", []time.Duration{4 * sec, 12 * sec}, 20 * sec},
		{"and by the network twice", []time.Duration{4 * sec, 12 * sec, 12*sec + 1}, 20 * sec},
		{"hardly ever", []time.Duration{time.Hour}, maxStaleAfter},
	} {
		start := time.Now()
		s := &session{seen: start}
		for _, after := range tt.asks {
			s.repeated(start.Add(after))
		}
		if s.stale(s.seen.Add(tt.stale)) || !s.stale(s.seen.Add(tt.stale+1)) {
			t.Errorf("%s: want it stale after %v", tt.name, tt.stale)
		}
	}
}
