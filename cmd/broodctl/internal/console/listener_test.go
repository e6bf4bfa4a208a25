package console

import (
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
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

// The one that has said nothing for longest makes room.
func TestQuietConnectionsMakeRoom(t *testing.T) {
	t.Parallel()
	p := make(pipes, 9)
	l := bound(p, 3)
	defer l.Close()
	accept := func() (conn, theirs net.Conn) {
		t.Helper()
		theirs = p.connect()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		l.turned(conn, http.StateNew)
		return conn, theirs
	}
	closed := func(theirs net.Conn) bool { // or it would wait
		theirs.SetReadDeadline(time.Now().Add(time.Millisecond))
		_, err := theirs.Read(make([]byte, 1))
		return errors.Is(err, io.EOF)
	}
	first, firsts := accept()
	_, seconds := accept()
	third, thirds := accept()
	l.turned(first, http.StateActive)
	l.turned(first, http.StateIdle) // later than the second
	fourth, _ := accept()
	if closed(firsts) || !closed(seconds) || closed(thirds) {
		t.Error("it is not the second that has made room")
	}
	// While all are answered, the next that has its answer does.
	for _, conn := range []net.Conn{first, third, fourth} {
		l.turned(conn, http.StateActive)
	}
	fifth := make(chan net.Conn)
	p.connect()
	go func() {
		conn, _ := l.Accept()
		fifth <- conn
	}()
	for waits := false; !waits; {
		l.mu.Lock()
		waits = l.waiting
		l.mu.Unlock()
	}
	l.turned(third, http.StateIdle)
	if conn := <-fifth; conn == nil || !closed(thirds) || closed(firsts) {
		t.Error("it is not the one that has its answer that has made room")
	}
}
