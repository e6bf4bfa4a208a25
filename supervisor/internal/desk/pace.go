package desk

import (
	"sync"
	"time"
)

// What all clients together may cost: so many requests and frames of answers a
// second, and so many at once after a rest. A frame is up to 64 KiB.
const (
	paceEvery = 5 * time.Millisecond
	paceBurst = 200
)

// pace has everybody wait for their turn. Whoever asks without end has one turn at a
// time, as the others do.
type pace struct {
	mu   sync.Mutex
	next time.Time
}

// turn returns how long to wait.
func (p *pace) turn(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if earliest := now.Add(-paceBurst * paceEvery); p.next.Before(earliest) {
		p.next = earliest
	}
	p.next = p.next.Add(paceEvery)
	return max(0, p.next.Sub(now))
}

// wait waits for one turn, or until done.
func (p *pace) wait(done <-chan struct{}) {
	d := p.turn(time.Now())
	if d == 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-done:
	}
}
