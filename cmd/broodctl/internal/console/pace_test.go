package console

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// idle is the CPU time of a process that uses none.
func idle() time.Duration { return 0 }

// busy is the CPU time of a process that is said to use some.
type busy struct {
	sync.Mutex
	used time.Duration
}

func (b *busy) time() time.Duration {
	b.Lock()
	defer b.Unlock()
	return b.used
}

func (b *busy) use(d time.Duration) {
	b.Lock()
	defer b.Unlock()
	b.used += d
}

// However many ask, and whatever it costs, the console uses no more than its share, in
// the order in which they came; who gives up takes nobody's turn.
func TestRequestsWaitUntilThereIsCPUTime(t *testing.T) {
	t.Parallel()
	for _, cost := range []time.Duration{0, 5 * time.Millisecond, 100 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			var process busy
			p := newPace(process.time)
			begun := time.Now()
			h := p.keep(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { process.use(cost) }))
			var asking sync.WaitGroup
			defer asking.Wait()
			for range 16 {
				asking.Go(func() {
					for time.Since(begun) < 20*time.Second {
						h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
					}
				})
			}
			time.Sleep(20*time.Second - time.Millisecond)
			used := process.time()
			if most := cpuAtOnce + 20*cpuShare + 16*cost; used > most { // each of the 16 may be on its way
				t.Errorf("requests that cost %v each have used %v of CPU time in 20 s, want %v at most", cost, used, most)
			}
			if least := 20 * cpuShare / 2; cost > 0 && used < least {
				t.Errorf("requests that cost %v each have used %v of CPU time in 20 s, want %v and more", cost, used, least)
			}
		})
	}
}

func TestTurnsAreInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(idle)
		for range cpuAtOnce / turn {
			if err := p.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		given, giveUp := context.WithCancel(t.Context())
		var answered []string
		h := p.keep(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { answered = append(answered, r.URL.Path) }))
		ask := func(ctx context.Context, path string) {
			go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
			synctest.Wait()
		}
		ask(t.Context(), "/1")
		ask(t.Context(), "/2")
		ask(given, "/given-up")
		giveUp()
		synctest.Wait()
		ask(t.Context(), "/3")
		if len(answered) > 0 {
			t.Errorf("answered before there is time: %q", answered)
		}
		begun := time.Now()
		time.Sleep(3 * time.Second * time.Duration(turn) / time.Duration(cpuShare))
		synctest.Wait()
		if want := []string{"/1", "/2", "/3"}; !slices.Equal(answered, want) {
			t.Errorf("after %v: answered %q, want %q", time.Since(begun), answered, want)
		}
	})
}

// Connections on which nothing is asked wait for their turn, too, but those of a
// listener that is closed do not: somebody may have sent a request there.
func TestConnectionsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const most = int(cpuAtOnce/turn) + 2
		p := make(pipes, most)
		l := bound(p, most, newPace(idle))
		for range most {
			defer p.connect().Close()
		}
		accepted := 0
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					if !errors.Is(err, net.ErrClosed) {
						t.Errorf("Accept: %v", err)
					}
					return
				}
				accepted++
				conn.Close()
			}
		}()
		synctest.Wait()
		if accepted != most-2 {
			t.Errorf("%d are accepted at once, want %d", accepted, most-2)
		}
		l.Close()
		synctest.Wait()
		if accepted < most-1 {
			t.Errorf("%d of %d are accepted when it is closed: the one that was taken is forgotten", accepted, most)
		}
	})
}
