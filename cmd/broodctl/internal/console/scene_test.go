package console

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"brood/cmd/broodctl/internal/console/link/linktest"
)

// scene is a console that is served, and the server that it asks.
type scene struct {
	*testing.T
	server *linktest.Server
	world  *world
	base   string // of URLs
	end    func() // has it end, and waits

	mu  sync.Mutex
	log bytes.Buffer
}

// newScene has a console of a server with everything that there can be.
func newScene(t *testing.T, options Options) *scene {
	t.Helper()
	s := &scene{T: t, world: newWorld()}
	s.server = &linktest.Server{Answer: s.world.answer}
	t.Cleanup(func() { s.world.happens(nil) })
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

func (s *scene) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// eventually waits until something is so.
func (s *scene) eventually(what string, ok func() bool) {
	s.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("%s: it does not come to that; the console has logged:\n%s", what, s.logged())
		}
	}
}

// as is get for JSON.
func as[T any](s *scene, path string) (v T) {
	s.Helper()
	body := s.get(path, http.StatusOK)
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		s.Errorf("%s: %v\n%s", path, err, body)
	}
	return v
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
