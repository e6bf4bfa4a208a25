package console

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
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

// yard has a bounded listener and who connects to it.
type yard struct {
	*testing.T
	pipes
	*bounded
}

func newYard(t *testing.T, most int) *yard {
	p := make(pipes, 9)
	return &yard{t, p, bound(p, most)}
}

// accept returns both ends of a connection that is new to net/http.
func (y *yard) accept() (conn, theirs net.Conn) {
	y.Helper()
	theirs = y.connect()
	conn, err := y.bounded.Accept()
	if err != nil {
		y.Fatal(err)
	}
	y.turned(conn, http.StateNew)
	return conn, theirs
}

// next begins to accept one more connection.
func (y *yard) next() (accepted chan net.Conn) {
	y.connect()
	accepted = make(chan net.Conn, 1)
	go func() {
		conn, _ := y.bounded.Accept()
		accepted <- conn
	}()
	synctest.Wait()
	return accepted
}

// closed says whether the other end of a connection is.
func closed(theirs net.Conn) bool { // or it would wait
	theirs.SetReadDeadline(time.Now().Add(time.Nanosecond))
	_, err := theirs.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

// The one that has said nothing for longest makes room.
func TestQuietConnectionsMakeRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, 3)
		defer y.bounded.Close()
		first, firsts := y.accept()
		_, seconds := y.accept()
		third, thirds := y.accept()
		y.turned(first, http.StateActive)
		y.turned(first, http.StateIdle) // later than the second
		time.Sleep(newFor)
		fourth, _ := y.accept()
		if closed(firsts) || !closed(seconds) || closed(thirds) {
			t.Error("it is not the second that has made room")
		}
		// While all are answered, the next that has its answer does.
		for _, conn := range []net.Conn{first, third, fourth} {
			y.turned(conn, http.StateActive)
		}
		fifth := y.next()
		if len(fifth) > 0 {
			t.Error("the fifth has a place while three are being answered")
		}
		y.turned(third, http.StateIdle)
		if conn := <-fifth; conn == nil || !closed(thirds) || closed(firsts) {
			t.Error("it is not the one that has its answer that has made room")
		}
	})
}

// What a connection that has just come asks for may lie there unread.
func TestNewConnectionsKeepTheirPlaceForAMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, 2)
		defer y.bounded.Close()
		_, firsts := y.accept()
		second, seconds := y.accept()
		begun := time.Now()
		third := y.next()
		if len(third) > 0 || closed(firsts) || closed(seconds) {
			t.Fatal("one that has just come has lost its place")
		}
		if (<-third) == nil || !closed(firsts) || closed(seconds) {
			t.Error("it is not the first that has made room")
		}
		if took := time.Since(begun).Round(time.Millisecond); took != newFor {
			t.Errorf("the third waits for %v, want %v", took, newFor)
		}
		// One that has had its answer goes at once, also before older ones that are new.
		y.turned(second, http.StateActive)
		fourth := y.next()
		y.turned(second, http.StateIdle)
		if synctest.Wait(); len(fourth) == 0 || !closed(seconds) {
			t.Error("the one that has its answer has not made room")
		}
	})
}

// Whoever comes with a request is answered, also where more come at once than there are
// places.
func TestMoreRequestsThanThereArePlacesAreAnswered(t *testing.T) {
	t.Parallel()
	const n = maxConnections + 32
	s := newScene(t, Options{})
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	results := make(chan error, n)
	for range n {
		go func() {
			r, err := client.Get(s.base + "/healthz")
			if err == nil {
				err = r.Body.Close()
			}
			results <- err
		}()
	}
	for range n {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// Who is answered while another waits for the place is told not to ask again there.
func TestAnswersSayThatAnotherWaitsForThePlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, 1)
		defer y.bounded.Close()
		first, _ := y.accept()
		y.turned(first, http.StateActive)
		said := func() string {
			w := httptest.NewRecorder()
			y.handOn(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			return w.Header().Get("Connection")
		}
		if got := said(); got != "" {
			t.Errorf("nobody waits, and the answer says %q", got)
		}
		second := y.next()
		if got := said(); got != "close" {
			t.Errorf("another waits, and the answer says %q", got)
		}
		first.Close()
		<-second
		if got := said(); got != "" {
			t.Errorf("nobody waits any more, and the answer says %q", got)
		}
	})
}
