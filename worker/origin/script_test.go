package origin

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/fetch"
)

// script is a helper that does what a test tells it.
type script struct {
	*testing.T
	socket int // its end
	theirs int
}

func newScript(t *testing.T) *script {
	t.Helper()
	ours, theirs, err := ipc.HelperPair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(ours); unix.Close(theirs) })
	return &script{t, ours, theirs}
}

// handler is that of a worker whose helper it is.
func (s *script) handler(o Options) *Handler {
	s.T.Helper()
	if o.URL == "" {
		o.URL = "http://mirror.example/"
	}
	h, err := Over(s.theirs, o)
	if err != nil {
		s.Fatal(err)
	}
	return h
}

// play runs the helper's part beside the test, and has the test wait for its end.
func (s *script) play(part func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		part()
	}()
	s.Cleanup(func() { <-done })
}

// hear is the worker's next question of a kind; AskClose is passed over.
func (s *script) hear(kind fetch.AskKind) fetch.Ask {
	b := make([]byte, fetch.MaxMessage)
	for {
		n, err := unix.Read(s.socket, b)
		if errors.Is(err, unix.EAGAIN) {
			unix.Poll([]unix.PollFd{{Fd: int32(s.socket), Events: unix.POLLIN}}, 60_000)
			continue
		}
		a, parsing := fetch.ParseAsk(b[:max(n, 0)])
		if err = errors.Join(err, parsing); err != nil {
			s.Error(err)
			return a
		}
		if a.Kind == kind {
			return a
		}
		if a.Kind != fetch.AskClose {
			s.Errorf("asked %+v, want kind %d", a, kind)
			return a
		}
	}
}

func (s *script) say(a fetch.Answer, f *os.File) {
	fd := -1
	if f != nil {
		fd = int(f.Fd())
	}
	if err := fetch.SendAnswer(s.socket, a, fd); err != nil {
		s.Error(err)
	}
}

// file is one with that content.
func (s *script) file(content string) *os.File {
	s.T.Helper()
	f, err := os.Create(filepath.Join(s.TempDir(), "file"))
	if err == nil {
		_, err = f.WriteString(content)
	}
	if err != nil {
		s.Fatal(err)
	}
	return f // which the helper's part may use until its end
}
