package console

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"brood/ipc/admin"
)

const (
	secret = "correct-horse-battery"
	auth   = "Authorization: Bearer " + secret
	isJSON = "Content-Type: application/json"
)

// changes are what can be changed, and what the server is asked then.
var changes = []struct {
	method, path, body string
	want               admin.Request
}{
	{"POST", "/api/v1/drain", "", admin.Request{Kind: admin.KindDrain}},
	{"POST", "/api/v1/reload", "{}", admin.Request{Kind: admin.KindReload}},
	{"DELETE", "/api/v1/sessions/18446744073709551615", "", admin.Request{Kind: admin.KindKill, Number: 1<<64 - 1}},
	{"PUT", "/api/v1/log-level", `{"level": "debug"}`, admin.Request{Kind: admin.KindLogLevel, Text: "debug"}},
	{"PUT", "/api/v1/rules", `{"prefix": "10.0.0.0/8", "allow": false, "seconds": 1.5}`, admin.Request{Kind: admin.KindDeny, Text: "10.0.0.0/8", Number: 1500}},
	{"PUT", "/api/v1/rules", `{"prefix": "192.0.2.7", "allow": true, "seconds": 31622400}`, admin.Request{Kind: admin.KindAllow, Text: "192.0.2.7/32", Number: 31_622_400_000}},
	{"DELETE", "/api/v1/rules?prefix=10.0.0.0/8&allow=false", "", admin.Request{Kind: admin.KindDeny, Text: "10.0.0.0/8"}},
	{"DELETE", "/api/v1/rules?prefix=2001:db8::/32&allow=true", "", admin.Request{Kind: admin.KindAllow, Text: "2001:db8::/32"}},
}

func TestWhoHasTheTokenChangesTheServer(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{Token: secret})
	open := newScene(t, Options{})
	for _, tt := range changes {
		for name, headers := range map[string][]string{
			"no token": {isJSON}, "a wrong one": {isJSON, auth + "x"}, "a part of it": {isJSON, auth[:len(auth)-1]}, "another way": {isJSON, "Authorization: Basic " + secret}, "an empty one": {isJSON, "Authorization: Bearer"},
		} {
			answer, body := s.request(tt.method, tt.path, tt.body, headers...)
			if answer.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), `Bearer realm="brood"`) || strings.Contains(body, secret) {
				t.Errorf("%s %s with %s: %s, %s", tt.method, tt.path, name, answer.Status, body)
			}
		}
		if asked := s.server.Asked(tt.want.Kind); len(asked) > 0 && asked[len(asked)-1] == tt.want {
			t.Errorf("%s %s without a token: the server was asked %+v", tt.method, tt.path, asked)
		}
		if answer, body := s.request(tt.method, tt.path, tt.body, isJSON, strings.Replace(auth, "Bearer", "bearer", 1)); answer.StatusCode != http.StatusNoContent || body != "" {
			t.Errorf("%s %s: %s, %s", tt.method, tt.path, answer.Status, body)
		}
		if asked := s.server.Asked(tt.want.Kind); len(asked) == 0 || asked[len(asked)-1] != tt.want {
			t.Errorf("%s %s: the server was asked %+v, want %+v", tt.method, tt.path, asked, tt.want)
		}
		answer, body := open.request(tt.method, tt.path, tt.body, isJSON, auth)
		if answer.StatusCode != http.StatusForbidden || !strings.Contains(body, "--token-file") || len(open.server.Asked(tt.want.Kind)) > 0 {
			t.Errorf("%s %s of a console without a token: %s, %s", tt.method, tt.path, answer.Status, body)
		}
	}
	if log := s.logged() + open.logged(); strings.Contains(log, secret) || !strings.Contains(log, "a request had a wrong token") || !strings.Contains(log, "the server was asked for a change") {
		t.Errorf("the consoles have logged\n%s", log)
	}
}

func TestWhatABodyMustBe(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{Token: secret})
	const level, rules = "/api/v1/log-level", "/api/v1/rules"
	for _, tt := range []struct {
		method, path, body, kind string
		code                     int
		want                     string
	}{
		{"PUT", level, "", isJSON, http.StatusBadRequest, "which level?"},
		{"PUT", level, `{"level": "loud"}`, isJSON, http.StatusBadRequest, "which level?"},
		{"PUT", level, `{"level": 1}`, isJSON, http.StatusBadRequest, "number"},
		{"PUT", level, `null`, isJSON, http.StatusBadRequest, "which level?"},
		{"PUT", level, `["debug"]`, isJSON, http.StatusBadRequest, `want an object, it is: array`},
		{"PUT", level, `{"level": 1}`, isJSON, http.StatusBadRequest, `level must not be: number`},
		{"PUT", level, `{"level": "debug", "for": 1}`, isJSON, http.StatusBadRequest, `unknown field \"for\"`},
		{"PUT", level, `{"level": "debug"} {}`, isJSON, http.StatusBadRequest, "something follows"},
		{"PUT", level, `{"level": "debug"`, isJSON, http.StatusBadRequest, "unexpected EOF"},
		{"PUT", level, `{"level": "debug"}`, "Content-Type: text/plain", http.StatusUnsupportedMediaType, "want Content-Type: application/json"},
		{"PUT", level, `{"level": "debug"}`, "X: y", http.StatusUnsupportedMediaType, "want Content-Type: application/json"},
		{"PUT", level, `{"level": "` + strings.Repeat("x", maxBody) + `"}`, isJSON, http.StatusRequestEntityTooLarge, "longer than 4096"},
		{"PUT", level + "?level=debug", "", isJSON, http.StatusBadRequest, "no parameter"},
		{"PUT", level, `{"level": "debug"}`, isJSON + "; charset=utf-8", http.StatusNoContent, ""},
		{"POST", "/api/v1/drain", `{"now": true}`, isJSON, http.StatusBadRequest, `unknown field`},
		{"POST", "/api/v1/drain?now", "", isJSON, http.StatusBadRequest, "no parameter"},
		{"DELETE", "/api/v1/sessions/vmlinuz", "", isJSON, http.StatusBadRequest, "want a number"},
		{"DELETE", "/api/v1/sessions/-1", "", isJSON, http.StatusBadRequest, "want a number"},
		{"PUT", rules, `{"prefix": "10.0.0.0/8", "seconds": 1}`, isJSON, http.StatusBadRequest, "something is missing"},
		{"PUT", rules, `{"prefix": "10.0.0.1/8", "allow": true, "seconds": 1}`, isJSON, http.StatusBadRequest, "10.0.0.0/8 is the whole network"},
		{"PUT", rules, `{"prefix": "10.0.0.0/8", "allow": true, "seconds": 0}`, isJSON, http.StatusBadRequest, "at most a year"},
		{"PUT", rules, `{"prefix": "10.0.0.0/8", "allow": true, "seconds": 1e300}`, isJSON, http.StatusBadRequest, "at most a year"},
		{"DELETE", rules, "", isJSON, http.StatusBadRequest, "which rule?"},
		{"DELETE", rules + "?prefix=10.0.0.0/8&allow=perhaps", "", isJSON, http.StatusBadRequest, "which rule?"},
		{"DELETE", rules + "?prefix=10.0.0.0/8&allow=true&seconds=1", "", isJSON, http.StatusBadRequest, "no parameter"},
	} {
		if answer, body := s.request(tt.method, tt.path, tt.body, tt.kind, auth); answer.StatusCode != tt.code || !strings.Contains(body, tt.want) {
			t.Errorf("%s %s %s %.80s: %s, %s; want %d, %s", tt.method, tt.path, tt.kind, tt.body, answer.Status, body, tt.code, tt.want)
		}
	}
	if n := len(s.server.Asked(admin.KindLogLevel)) + len(s.server.Asked(admin.KindDrain)) + len(s.server.Asked(admin.KindDeny)); n != 1 {
		t.Errorf("the server was asked %d times, want once", n)
	}
}

func TestWhatTheServerRefuses(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{Token: secret})
	for code, want := range map[admin.Code]int{
		admin.CodeFailed: http.StatusConflict, admin.CodeUnknown: http.StatusNotImplemented, admin.CodeForbidden: http.StatusForbidden, admin.CodeWrong: http.StatusBadRequest,
		admin.CodeNoSession: http.StatusNotFound, admin.CodeBusy: http.StatusServiceUnavailable, admin.CodeSlow: http.StatusServiceUnavailable, admin.CodeEnding: http.StatusServiceUnavailable,
		"later": http.StatusInternalServerError,
	} {
		s.world.changes(func() { s.world.refusal = &admin.Error{Code: code, Message: "because"} })
		if answer, body := s.request("POST", "/api/v1/reload", "", auth); answer.StatusCode != want || !strings.Contains(body, "because") {
			t.Errorf("%s: %s, %s; want %d", code, answer.Status, body, want)
		}
	}
	s.world.changes(func() { s.world.refusal = &admin.Error{Code: admin.CodeFailed, Message: "there is no such rule"} })
	if answer, body := s.request("DELETE", "/api/v1/rules?prefix=::/0&allow=true", "", auth); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a rule that there is not: %s, %s", answer.Status, body)
	}
	s.server.Leave(errors.New("s: no such socket"))
	if answer, body := s.request("POST", "/api/v1/reload", "", auth); answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "no such socket") {
		t.Errorf("a server that is not there: %s, %s", answer.Status, body)
	}
}

func TestATokenIsLongAndPrintable(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"": true, secret: true, "0123456789abcdef": true, "0123456789abcde": false, "0123456789 abcdef": false, "0123456789abcdéf": false, "0123456789abcdef\n": false,
	} {
		if _, err := newToken(text); (err == nil) != good || err != nil && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := New(Options{Dial: newScene(t, Options{}).server.Dial, Token: "short"}); err == nil {
		t.Error("a console with a short token is made")
	}
}
