package console

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"brood/cmd/broodctl/internal/console/link/linktest"
	"brood/ipc/admin"
)

// scene is a console that is served, and the server that it asks.
type scene struct {
	*testing.T
	server *linktest.Server
	base   string // of URLs
	end    func() // has it end, and waits

	mu  sync.Mutex
	log bytes.Buffer
}

// newScene has a console of a server that answers so.
func newScene(t *testing.T, options Options, answer func(r admin.Request, say func(any) error) error) *scene {
	t.Helper()
	s := &scene{T: t, server: &linktest.Server{Answer: answer}}
	if options.Dial == nil {
		options.Dial = s.server.Dial
	}
	options.Version = "1.1"
	options.Log = func(message string, pairs ...any) {
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprintln(&s.log, append([]any{message}, pairs...)...)
	}
	c, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.base = "http://" + l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Serve(ctx, l) }()
	s.end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(s.end)
	return s
}

// request asks, with headers as "Name: value".
func (s *scene) request(method, path, body string, headers ...string) (*http.Response, string) {
	s.Helper()
	r, err := http.NewRequest(method, s.base+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		s.Errorf("%s %s: %v", method, path, err)
	}
	return answer, string(b)
}

// get wants an answer with a code, and returns its body.
func (s *scene) get(path string, code int) string {
	s.Helper()
	answer, body := s.request(http.MethodGet, path, "")
	if answer.StatusCode != code {
		s.Errorf("GET %s: %s, want %d\n%s", path, answer.Status, code, body)
	}
	return body
}
