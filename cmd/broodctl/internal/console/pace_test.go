package console

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// queue has requests wait for their turns, and writes down who was answered.
type queue struct {
	handler http.Handler

	mu       sync.Mutex
	answered []int64
}

func newQueue(over context.Context) *queue {
	q := &queue{}
	q.handler = paced(over, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.answered = append(q.answered, r.ContentLength)
	}))
	return q
}

// ask sends n requests, one after the other; each has its number for its length.
func (q *queue) ask(n int64) {
	for i := range n {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.ContentLength = i
		go q.handler.ServeHTTP(httptest.NewRecorder(), r)
		synctest.Wait()
	}
}

// soFar returns who was answered.
func (q *queue) soFar() []int64 {
	synctest.Wait()
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.answered)
}

func TestRequestsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t.Context())
		const last = requestsAtOnce + 2*requestsPerSecond
		q.ask(last)
		for _, want := range []int{requestsAtOnce, requestsAtOnce + requestsPerSecond, last} {
			if got := q.soFar(); len(got) != want || !slices.IsSorted(got) {
				t.Errorf("answered are %d, want %d in their order", got, want)
			}
			time.Sleep(time.Second)
		}
	})
}

func TestWhoWaitsIsAnsweredBeforeTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		over, end := context.WithCancel(t.Context())
		q := newQueue(over)
		const n = requestsAtOnce + maxConnections
		q.ask(n)
		end()
		if got := q.soFar(); len(got) != n {
			t.Errorf("%d of %d are answered", len(got), n)
		}
	})
}

// get asks on a connection and returns when it has the answer.
func get(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Error(err)
		return
	}
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body)
	}
	if err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("%v, %v", r, err)
	}
}

// A console that is flooded on all its connections answers the last of them after
// 3.2 s, and whoever waits when it ends at once.
func TestAFloodedConsole(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, func(t *testing.T, _ *world, connect func() net.Conn) {
		conns := make([]net.Conn, maxConnections)
		for i := range conns {
			conns[i] = connect()
		}
		for range requestsAtOnce {
			get(t, conns[0])
		}
		begun := time.Now()
		var all sync.WaitGroup
		for _, conn := range conns {
			all.Go(func() { get(t, conn) })
		}
		all.Wait()
		if took := time.Since(begun).Round(time.Millisecond); took != 3200*time.Millisecond {
			t.Errorf("all connections have their answers after %v, want 3.2 s", took)
		}
		for _, conn := range conns {
			all.Go(func() { get(t, conn) })
		}
		synctest.Wait()
		begun = time.Now()
		t.Cleanup(func() { // the console has ended
			all.Wait()
			if took := time.Since(begun); took > 0 {
				t.Errorf("who waits when it ends is answered after %v", took)
			}
			for _, conn := range conns {
				conn.Close()
			}
		})
	})
}
