package origin

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/fetch"
)

// stranger is a worker that does not keep to the contract.
type stranger struct {
	*scene
	socket int
}

func (s *scene) stranger() *stranger {
	s.T.Helper()
	ours, theirs, err := ipc.HelperPair()
	if err != nil {
		s.Fatal(err)
	}
	s.helper.Welcome(s.ctx, ours)
	s.Cleanup(func() { unix.Close(theirs) })
	x := &stranger{s, theirs}
	if a, ok := x.next(); !ok || a.Kind != fetch.AnswerHello || a.ID == 0 {
		s.Fatalf("greeted with %+v", a)
	}
	return x
}

// next is the next answer; none comes when the helper has hung up.
func (x *stranger) next() (fetch.Answer, bool) {
	x.T.Helper()
	for {
		a, fd, err := fetch.ReceiveAnswer(x.socket)
		ipc.CloseFD(fd)
		switch {
		case err == nil:
			return a, true
		case !errors.Is(err, unix.EAGAIN):
			return a, false
		}
		ready := []unix.PollFd{{Fd: int32(x.socket), Events: unix.POLLIN}}
		if n, err := unix.Poll(ready, 60_000); n == 0 && err == nil {
			x.Fatal("the helper says nothing")
		}
	}
}

func (x *stranger) ask(a fetch.Ask) error {
	b, err := a.Append(nil)
	if err != nil {
		x.Fatal(err)
	}
	_, err = unix.Write(x.socket, b)
	return err
}

func (x *stranger) opens(id uint32, name string) error {
	return x.ask(fetch.Ask{Kind: fetch.AskOpen, ID: id, Base: x.settings.Origins[0].URL, Name: name})
}

func TestAWorkerIsNotBelieved(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(w http.ResponseWriter, r *http.Request) { serveText(w, r, text(1000), "1") }, nil)
	for name, b := range map[string][]byte{
		"nothing":                   {},
		"bytes that are no message": []byte("GET / HTTP/1.1\r\n\r\n"),
		"a kind that is none":       make([]byte, 100),
		"more than a message holds": make([]byte, fetch.MaxMessage+1),
		"a stats frame":             {0, 10, 0x9d, 2, 1},
	} {
		x := s.stranger()
		unix.Write(x.socket, b)
		if a, ok := x.next(); ok {
			t.Errorf("%s: answered %+v, want it hung up", name, a)
		}
	}
	x := s.stranger()
	for i, base := range []string{"http://169.254.169.254/", s.server.URL, s.settings.Origins[0].URL + "sub/", "file:///etc/"} {
		x.ask(fetch.Ask{Kind: fetch.AskOpen, ID: uint32(i), Base: base, Name: "passwd"})
		if a, _ := x.next(); a.Kind != fetch.AnswerFailed || a.Cause != fetch.CauseOther {
			t.Errorf("of %s: %+v", base, a)
		}
	}
	x.opens(100, "../passwd")
	if a, _ := x.next(); a.Kind != fetch.AnswerFailed || a.Cause != fetch.CauseForbidden {
		t.Errorf("upwards: %+v", a)
	}
	s.asked(0)
	// What it asks about a file that it does not have is passed over.
	x.ask(fetch.Ask{Kind: fetch.AskMore, ID: 7})
	x.ask(fetch.Ask{Kind: fetch.AskClose, ID: 7})
	x.opens(101, "file")
	if a, _ := x.next(); a.Kind != fetch.AnswerOpened || a.ID != 101 {
		t.Errorf("a good question after all: %+v", a)
	}
	s.gets("file", text(1000))
}

func TestRightsThatAWorkerSendsAreDropped(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(w http.ResponseWriter, r *http.Request) { serveText(w, r, text(1000), "1") }, nil)
	x := s.stranger()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	b, err := fetch.Ask{Kind: fetch.AskOpen, ID: 1, Base: s.settings.Origins[0].URL, Name: "file"}.Append(nil)
	if err == nil {
		err = unix.Sendmsg(x.socket, b, unix.UnixRights(p[1]), nil, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(p[1])
	if a, _ := x.next(); a.Kind != fetch.AnswerOpened {
		t.Errorf("%+v", a)
	}
	if n, err := unix.Read(p[0], make([]byte, 1)); n != 0 || err != nil { // an end: nobody has it
		t.Errorf("the pipe that was sent is open still: %d, %v", n, err)
	}
}

// A worker that asks for one file after the other, and never waits, has one at a time
// come in, and others get theirs.
func TestAWorkerThatAsksForEverythingKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	var open, most atomic.Int64
	s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/tree/good" {
			serveText(w, r, text(100_000), "1")
			return
		}
		if n := open.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer open.Add(-1)
		w.Header().Set("Content-Length", "1000000")
		w.Write(text(1000))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}, func(set *Settings) { set.Downloads = 3 })
	x := s.stranger()
	for i := range uint32(3 * asksAtOnce) {
		if x.opens(i+1, fmt.Sprint("junk-", i)) != nil {
			break // its socket is full: it has asked more than it may
		}
	}
	s.gets("good", text(100_000))
	s.gets("good", text(100_000))
	if n := most.Load(); n > asksAtOnce+maxAsks {
		t.Errorf("the origin had %d requests of its at once", n)
	}
}

func TestAWorkerThatDoesNotReadIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(w http.ResponseWriter, r *http.Request) { serveText(w, r, text(1000), "1") }, nil)
	x := s.stranger()
	x.opens(1, "file")
	x.next()
	more, err := fetch.Ask{Kind: fetch.AskMore, ID: 1}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool { // its answers fill the socket, and then the helper hangs up
		_, err := unix.Write(x.socket, more)
		return errors.Is(err, unix.EPIPE)
	}) {
		t.Error("it is answered on and on")
	}
	s.gets("file", text(1000))
}

func TestWhoLeavesInTheMiddleIsForgotten(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/tree/silent" {
			select {
			case <-release:
			case <-r.Context().Done():
			}
			return
		}
		serveText(w, r, text(1000), "1")
	}, nil)
	defer close(release)
	x := s.stranger()
	x.opens(1, "silent")
	eventually(func() bool { return s.requests.Load() == 1 })
	unix.Shutdown(x.socket, unix.SHUT_RDWR)
	s.idle() // nobody else wants it, so it is not asked for any more
	if n := len(s.helper.cache.entries); n != 0 {
		t.Errorf("%d entries are left", n)
	}
}
