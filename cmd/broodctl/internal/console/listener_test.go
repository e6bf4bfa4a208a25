package console

import (
	"errors"
	"net"
	"testing"
)

// pipes is a listener whose connections are made by a test.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error {
	close(p)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

func (p pipes) connect() net.Conn {
	ours, theirs := net.Pipe()
	p <- ours
	return theirs
}

func TestMoreConnectionsThanThereArePlacesWait(t *testing.T) {
	t.Parallel()
	p := make(pipes, 3)
	l := bound(p, 2)
	for range 3 {
		defer p.connect().Close()
	}
	var open []net.Conn
	for range 2 {
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	third := make(chan error)
	go func() {
		_, err := l.Accept()
		third <- err
	}()
	select {
	case err := <-third:
		t.Errorf("the third is accepted: %v", err)
	default:
	}
	open[0].Close()
	open[0].Close() // gives back one place all the same
	if err := <-third; err != nil {
		t.Error(err)
	}
	last := make(chan error)
	go func() {
		_, err := l.Accept()
		last <- err
	}()
	l.Close()
	l.Close()
	if err := <-last; !errors.Is(err, net.ErrClosed) {
		t.Errorf("who waits for a place when it is closed gets %v", err)
	}
}
