package link

import (
	"context"
	"sync"
	"time"
)

// fresh is how long an answer is as good as a new one.
const fresh = 500 * time.Millisecond

// shared asks once for all who want to know.
type shared[T any] struct {
	ask func(context.Context) (T, error)

	mu     sync.Mutex
	latest *answer[T]
}

// answer is one that has come, or is on its way.
type answer[T any] struct {
	done  chan struct{} // closed when it has come: then the rest is set
	at    time.Time
	value T
	err   error
}

func (s *shared[T]) get(ctx context.Context) (none T, err error) {
	a := s.current()
	select {
	case <-a.done:
		return a.value, a.err
	case <-ctx.Done():
		return none, explained(ctx, ctx.Err())
	}
}

// current is the latest answer if it is good still, or one that is on its way.
func (s *shared[T]) current() *answer[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest == nil || s.latest.stale() {
		s.latest = &answer[T]{done: make(chan struct{})}
		go s.fill(s.latest)
	}
	return s.latest
}

// fill does not end with who asked first: others wait for it, too.
func (s *shared[T]) fill(a *answer[T]) {
	ctx, cancel := context.WithTimeout(context.Background(), AnswersWithin)
	defer cancel()
	a.value, a.err = s.ask(ctx)
	a.at = time.Now()
	close(a.done)
}

// forget has the next one ask anew.
func (s *shared[T]) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = nil
}

func (a *answer[T]) stale() bool {
	select {
	case <-a.done:
		return time.Since(a.at) >= fresh
	default:
		return false
	}
}
