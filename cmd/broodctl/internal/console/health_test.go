package console

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestWhetherTheServerServes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		state string
		code  int
		want  string
	}{
		{"opening", http.StatusServiceUnavailable, "opening, 2 sessions left, for 2 s at most\n"},
		{"serving", http.StatusOK, "serving\n"},
		{"draining", http.StatusServiceUnavailable, "draining, 2 sessions left, for 2 s at most\n"},
		{"ending", http.StatusServiceUnavailable, "ending, "},
	} {
		s := newScene(t, Options{})
		s.world.status.State = tt.state
		if got := s.get("/readyz", tt.code); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.state, got, tt.want)
		}
		s.get("/healthz", http.StatusOK)
	}
}

func TestAServerThatCantBeAsked(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{})
	s.server.Leave(errors.New("s: no such socket"))
	s.get("/healthz", http.StatusOK)
	if got := s.get("/readyz", http.StatusServiceUnavailable); got != "s: no such socket\n" {
		t.Errorf("it is not ready because: %s", got)
	}
	if got := s.get("/metrics", http.StatusOK); !strings.Contains(got, "\nbrood_up 0\n") {
		t.Errorf("the metrics are\n%s", got)
	}
	for _, path := range []string{"/api/v1/stats", "/api/v1/sessions", "/api/v1/machines", "/api/v1/machines/x"} {
		answer, body := s.request("GET", path, "")
		if answer.StatusCode != http.StatusServiceUnavailable || body != `{"error":"s: no such socket"}`+"\n" || answer.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %s %s", path, answer.Status, body)
		}
	}
	s.server.Return()
	s.eventually("it is ready again", func() bool {
		answer, _ := s.request("GET", "/readyz", "")
		return answer.StatusCode == http.StatusOK
	})
}
