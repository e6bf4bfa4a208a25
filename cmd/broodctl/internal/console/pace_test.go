package console

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// askInTurn sends requests whose paths are their numbers, and returns those that have
// been answered so far.
func askInTurn(h func(next http.Handler) http.Handler, n int) (answered *[]int) {
	answered = new([]int)
	paced := h(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		*answered = append(*answered, int(r.ContentLength))
	}))
	for i := range n {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.ContentLength = int64(i)
		go paced.ServeHTTP(httptest.NewRecorder(), r)
		synctest.Wait()
	}
	return answered
}

func TestRequestsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answered := askInTurn(func(next http.Handler) http.Handler { return paced(t.Context(), next) }, requestsAtOnce+2*requestsPerSecond)
		if n := len(*answered); n != requestsAtOnce {
			t.Errorf("%d are answered at once, want %d", n, requestsAtOnce)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(*answered); n != requestsAtOnce+requestsPerSecond {
			t.Errorf("%d are answered after a second, want %d more", n, requestsPerSecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !slices.IsSorted(*answered) || len(*answered) != requestsAtOnce+2*requestsPerSecond {
			t.Errorf("answered in this order: %d", *answered)
		}
	})
}

func TestWhoWaitsIsAnsweredBeforeTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		over, end := context.WithCancel(t.Context())
		const n = requestsAtOnce + maxConnections
		answered := askInTurn(func(next http.Handler) http.Handler { return paced(over, next) }, n)
		end()
		synctest.Wait()
		if len(*answered) != n {
			t.Errorf("%d of %d are answered", len(*answered), n)
		}
	})
}

// A console that is flooded on all its connections answers the next one soon.
func TestNobodyWaitsForLong(t *testing.T) {
	t.Parallel()
	if wait := maxConnections * time.Second / requestsPerSecond; wait > 5*time.Second {
		t.Errorf("who asks last waits for up to %v", wait)
	}
}
