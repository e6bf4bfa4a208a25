package console

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
)

const (
	// maxConnections is how many there are at once.
	maxConnections = 64
	// sendBuffer is how much of an answer the kernel holds for a client, in bytes. Left
	// to itself it would hold megabytes for one that reads nothing.
	sendBuffer = 64 << 10
)

// bounded is a listener that takes no more connections than there are places. The next
// one is given the place of the one that has asked for nothing for longest, be it new or
// kept open after an answer: whoever sends half a request over and over keeps nobody
// from theirs. While all are being answered it waits.
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
	select {
	case b.places <- struct{}{}:
	default:
		b.makeRoom()
		select {
		case b.places <- struct{}{}:
		case <-b.closed:
			conn.Close()
			return nil, net.ErrClosed
		}
		b.mu.Lock()
		b.waiting = false
		b.mu.Unlock()
	}
	if c, ok := conn.(interface{ SetWriteBuffer(bytes int) error }); ok {
		c.SetWriteBuffer(sendBuffer)
	}
	return &placed{Conn: conn, leave: sync.OnceFunc(func() { <-b.places })}, nil
}

// makeRoom closes the connection that has been quiet for longest, or, if there is none,
// the next that gets quiet.
func (b *bounded) makeRoom() {
	b.mu.Lock()
	b.waiting = len(b.quiet) == 0
	var longest *placed
	if !b.waiting {
		longest, b.quiet = b.quiet[0], b.quiet[1:]
	}
	b.mu.Unlock()
	if longest != nil {
		longest.Close()
	}
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
	if to == http.StateNew || to == http.StateIdle {
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
