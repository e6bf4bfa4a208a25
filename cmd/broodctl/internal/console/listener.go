package console

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// maxConnections is how many there are at once.
	maxConnections = 64
	// sendBuffer is how much of an answer the kernel holds for a client, in bytes. Left
	// to itself it would hold megabytes for one that reads nothing.
	sendBuffer = 64 << 10
)

// newFor is how long a new connection keeps its place without having asked: its request
// may be there already, and nobody has come to read it yet.
const newFor = 250 * time.Millisecond

// bounded is a listener that takes no more connections than there are places. The next
// one is given the place of the one that has asked for nothing for longest, be it new or
// kept open after an answer: whoever sends half a request over and over keeps nobody
// from theirs. While all are being answered, or have just come, it waits.
type bounded struct {
	net.Listener
	places chan struct{}
	closed chan struct{}
	close  func() error

	mu      sync.Mutex
	quiet   []*placed // since when, the longest first
	waiting bool      // a connection waits for a place
}

func bound(l net.Listener, most int) *bounded {
	b := &bounded{Listener: l, places: make(chan struct{}, most), closed: make(chan struct{})}
	b.close = sync.OnceValue(func() error {
		close(b.closed)
		return l.Close()
	})
	return b
}

// Accept is net.Listener's.
func (b *bounded) Accept() (net.Conn, error) {
	conn, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if !b.place() {
		conn.Close()
		return nil, net.ErrClosed
	}
	if c, ok := conn.(interface{ SetWriteBuffer(bytes int) error }); ok {
		c.SetWriteBuffer(sendBuffer)
	}
	return &placed{Conn: conn, leave: sync.OnceFunc(func() { <-b.places })}, nil
}

// place waits for a place; false: the listener is closed.
func (b *bounded) place() bool {
	select {
	case b.places <- struct{}{}:
		return true
	default:
	}
	for {
		select {
		case b.places <- struct{}{}:
			b.mu.Lock()
			b.waiting = false
			b.mu.Unlock()
			return true
		case <-b.makeRoom():
		case <-b.closed:
			return false
		}
	}
}

// makeRoom closes the connection that has been quiet for longest, or, if there is none,
// the next that has its answer. It returns when to come again.
func (b *bounded) makeRoom() (again <-chan time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	at := slices.IndexFunc(b.quiet, func(p *placed) bool { return !now.Before(p.until) })
	b.waiting = at < 0
	switch {
	case at >= 0:
		longest := b.quiet[at]
		b.quiet = slices.Delete(b.quiet, at, at+1)
		longest.Close()
	case len(b.quiet) > 0:
		return time.After(b.quiet[0].until.Sub(now))
	}
	return nil
}

// handOn says in an answer that its connection is closed if another waits for the place:
// a client that hears it does not send the next request there.
func (b *bounded) handOn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		waiting := b.waiting
		b.mu.Unlock()
		if waiting {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// turned is http.Server's ConnState.
func (b *bounded) turned(conn net.Conn, to http.ConnState) {
	p, ok := conn.(*placed)
	if !ok {
		return
	}
	b.mu.Lock()
	b.quiet = slices.DeleteFunc(b.quiet, func(q *placed) bool { return q == p })
	leaves := false
	switch to {
	case http.StateNew:
		p.until = time.Now().Add(newFor)
		b.quiet = append(b.quiet, p)
	case http.StateIdle:
		p.until = time.Time{}
		if leaves, b.waiting = b.waiting, false; !leaves {
			b.quiet = append(b.quiet, p)
		}
	}
	b.mu.Unlock()
	if leaves {
		p.Close()
	}
}

// Close is net.Listener's.
func (b *bounded) Close() error { return b.close() }

// drain waits until all connections are closed, or ctx ends.
func (b *bounded) drain(ctx context.Context) {
	for range cap(b.places) {
		select {
		case b.places <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// placed is a connection that has a place.
type placed struct {
	net.Conn
	leave func()
	until time.Time // its place is its own, while it is quiet; the listener's lock holds for it
}

// Close is net.Conn's.
func (p *placed) Close() error {
	defer p.leave()
	return p.Conn.Close()
}

// CloseWrite lets net/http end an answer whose request it has not read to the end.
func (p *placed) CloseWrite() error {
	if c, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}
