package supervisor

import "math/rand/v2"

// bounded is a map with so many entries at most: beyond them a new one takes the
// place of one that chance picks. What it holds are grudges, so whoever is
// forgotten gains, and nobody can be made to lose by a flood of keys that does
// nothing but fill it.
type bounded[K comparable, V any] struct {
	most    int
	at      map[K]int // index in entries
	entries []entry[K, V]
	next    int // that expire looks at
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func (b *bounded[K, V]) len() int { return len(b.entries) }

// find returns the entry of k, to be used until the next call; nil if there is none.
func (b *bounded[K, V]) find(k K) *V {
	if i, ok := b.at[k]; ok {
		return &b.entries[i].value
	}
	return nil
}

// get is find, or else a new entry with V's zero value.
func (b *bounded[K, V]) get(k K) *V {
	if v := b.find(k); v != nil {
		return v
	}
	if len(b.entries) >= b.most {
		b.remove(rand.IntN(len(b.entries)))
	}
	if b.at == nil {
		b.at = make(map[K]int)
	}
	b.at[k] = len(b.entries)
	b.entries = append(b.entries, entry[K, V]{key: k})
	return &b.entries[len(b.entries)-1].value
}

func (b *bounded[K, V]) forget(k K) {
	if i, ok := b.at[k]; ok {
		b.remove(i)
	}
}

func (b *bounded[K, V]) remove(i int) {
	last := len(b.entries) - 1
	delete(b.at, b.entries[i].key)
	if i != last {
		b.entries[i] = b.entries[last]
		b.at[b.entries[i].key] = i
	}
	b.entries[last] = entry[K, V]{}
	b.entries = b.entries[:last]
	if last == 0 {
		b.at, b.entries = nil, nil // a flood's memory goes with it
	}
}

// expire looks at the next n entries and removes those that are spent.
func (b *bounded[K, V]) expire(n int, spent func(*V) bool) {
	for range min(n, len(b.entries)) {
		if b.next >= len(b.entries) {
			b.next = 0
		}
		if spent(&b.entries[b.next].value) {
			b.remove(b.next) // another one is there now
		} else {
			b.next++
		}
	}
}
