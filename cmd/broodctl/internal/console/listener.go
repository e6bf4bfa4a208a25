package console

import (
	"context"
	"net"
	"sync"
)

const (
	// maxConnections is how many there are at once.
	maxConnections = 64
	// sendBuffer is how much of an answer the kernel holds for a client, in bytes. Left
	// to itself it would hold megabytes for one that reads nothing.
	sendBuffer = 64 << 10
)

// bounded is a listener that takes no more connections than there are places. Others
// wait in the kernel's backlog until a place is free.
type bounded struct {
	net.Listener
	places chan struct{}
	closed chan struct{}
	close  func() error
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
	select {
	case b.places <- struct{}{}:
	case <-b.closed:
		return nil, net.ErrClosed
	}
	conn, err := b.Listener.Accept()
	if err != nil {
		<-b.places
		return nil, err
	}
	if c, ok := conn.(interface{ SetWriteBuffer(bytes int) error }); ok {
		c.SetWriteBuffer(sendBuffer)
	}
	return &placed{Conn: conn, leave: sync.OnceFunc(func() { <-b.places })}, nil
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
