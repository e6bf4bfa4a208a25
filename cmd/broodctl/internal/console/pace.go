package console

import (
	"context"
	"net/http"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"
)

// The console holds itself to a share of one CPU, whoever asks and whatever for: TFTP
// clients need the others' time, too. What it may use at once is enough for what
// monitoring asks in minutes. Who comes beyond that waits for a turn.
const (
	cpuShare  = 30 * time.Millisecond // each second
	cpuAtOnce = 250 * time.Millisecond
	// turn is what a connection, and a request, is charged before anybody knows.
	turn = time.Millisecond
)

// pace hands out turns within a budget of CPU time, in the order in which they are
// asked for.
type pace struct {
	budget *rate.Limiter // of microseconds

	mu      sync.Mutex
	used    func() time.Duration // CPU time of the process
	charged time.Duration        // of it
}

func newPace(used func() time.Duration) *pace {
	return &pace{
		budget:  rate.NewLimiter(rate.Limit(cpuShare.Microseconds()), int(cpuAtOnce.Microseconds())),
		used:    used,
		charged: used(),
	}
}

// wait returns when there is a turn, or an error when ctx ends before.
func (p *pace) wait(ctx context.Context) error {
	r := p.budget.ReserveN(time.Now(), int(turn.Microseconds()))
	wait := r.Delay()
	if wait == 0 {
		return nil
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		r.Cancel()
		return ctx.Err()
	}
}

// charge takes from the budget what the process has used beyond the turn that was
// waited for.
func (p *pace) charge() {
	p.mu.Lock()
	used := p.used()
	spent := used - p.charged
	p.charged = used
	p.mu.Unlock()
	if beyond := min(spent-turn, cpuAtOnce); beyond > 0 {
		p.budget.ReserveN(time.Now(), int(beyond.Microseconds()))
	}
}

// keep has requests wait for their turn.
func (p *pace) keep(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.wait(r.Context()) != nil {
			return // nobody waits for the answer any more
		}
		defer p.charge()
		next.ServeHTTP(w, r)
	})
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
