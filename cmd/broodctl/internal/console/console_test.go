package console

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func TestAScrapeOverHTTP(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{})
	text := s.get("/metrics", http.StatusOK)
	for _, want := range []string{"\nbrood_up 1\n", "\nbrood_sessions_max 1024\n", "\nbrood_console_build_info{version=\"1.1\"} 1\n", "\nbrood_session_duration_seconds_count 1\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "\ngo_") || strings.Contains(text, "\nprocess_") {
		t.Errorf("it has figures of the console's process:\n%s", text)
	}
	if problems, err := promlint.New(strings.NewReader(text)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", err, problems)
	}
}

func TestTheIndexNamesWhatThereIs(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{})
	page := s.get("/", http.StatusOK)
	for _, link := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if strings.HasSuffix(link[1], "/events") {
			continue // which does not end
		}
		s.get(link[1], http.StatusOK)
	}
	for path, methods := range new(Console).paths() {
		if methods[http.MethodGet] != nil && path != "/{$}" && !strings.Contains(path, "{") && !strings.Contains(page, `href="`+path+`"`) {
			t.Errorf("it does not name %s", path)
		}
	}
}

// operations are all methods and paths that there are.
func operations() (all []string) {
	for path, methods := range new(Console).paths() {
		for method := range methods {
			all = append(all, method+" "+strings.TrimSuffix(path, "{$}"))
		}
	}
	slices.Sort(all)
	return all
}

func TestThePageHasThePaths(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var inPage []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z]+ /[^`]*)` \\| ").FindAllStringSubmatch(string(page), -1) {
		inPage = append(inPage, m[1])
	}
	slices.Sort(inPage)
	if there := operations(); !slices.Equal(inPage, there) {
		t.Errorf("the page has %q\nthere are    %q", inPage, there)
	}
}

func TestWhatEveryAnswerHas(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{})
	for _, tt := range []struct {
		method, path string
		code         int
		allow, body  string
	}{
		{"GET", "/", http.StatusOK, "", "<h1>"},
		{"HEAD", "/", http.StatusOK, "", ""},
		{"HEAD", "/metrics", http.StatusOK, "", ""},
		{"GET", "/none", http.StatusNotFound, "", `{"error":"there is no /none here: / names what there is"}` + "\n"},
		{"GET", "/debug/pprof/", http.StatusNotFound, "", `"error"`},
		{"POST", "/metrics", http.StatusMethodNotAllowed, "GET, HEAD", `{"error":"POST is not for /metrics"}` + "\n"},
		{"OPTIONS", "/", http.StatusMethodNotAllowed, "GET, HEAD", `"error"`},
	} {
		answer, body := s.request(tt.method, tt.path, "")
		h := answer.Header
		if answer.StatusCode != tt.code || h.Get("Allow") != tt.allow || !strings.Contains(body, tt.body) || tt.body == "" && body != "" {
			t.Errorf("%s %s: %s, Allow %q\n%s", tt.method, tt.path, answer.Status, h.Get("Allow"), body)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") == "" {
			t.Errorf("%s %s has the headers %v", tt.method, tt.path, h)
		}
	}
}

func TestOnlyThisSitesPagesMayChangeSomething(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{})
	for header, want := range map[string]int{
		"Sec-Fetch-Site: cross-site":     http.StatusForbidden,
		"Origin: http://elsewhere":       http.StatusForbidden,
		"Sec-Fetch-Site: same-origin":    http.StatusMethodNotAllowed,
		"User-Agent: what is no browser": http.StatusMethodNotAllowed,
	} {
		if answer, body := s.request("POST", "/metrics", "", header); answer.StatusCode != want {
			t.Errorf("%s: %s, want %d: %s", header, answer.Status, want, body)
		}
	}
}

func TestAConsoleNeedsSomebodyToAsk(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{}); err == nil {
		t.Error("there is one without")
	}
}
