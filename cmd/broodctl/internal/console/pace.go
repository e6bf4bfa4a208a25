package console

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// Requests are answered at a bounded pace, whoever asks: TFTP clients need the CPU time,
// too, that a flood of them would take. Who asks beyond it waits for a turn. Of those who
// do there are as many as connections, so that the last one's turn comes before the 10 s
// are over that Prometheus waits.
const (
	requestsPerSecond = 20
	requestsAtOnce    = 50
)

// paced has requests wait for their turn, in the order in which they come. When over
// ends the turns do: who waits is answered.
func paced(over context.Context, next http.Handler) http.Handler {
	turns := rate.NewLimiter(requestsPerSecond, requestsAtOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait := turns.Reserve().Delay(); wait > 0 {
			select {
			case <-time.After(wait):
			case <-over.Done():
			}
		}
		next.ServeHTTP(w, r)
	})
}
