package console

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"brood/ipc/admin"
)

func TestTheStatusIsTheServers(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{})
	if got := as[admin.Status](s, "/api/v1/stats"); !reflect.DeepEqual(got, s.world.status) {
		t.Errorf("got  %+v\nwant %+v", got, s.world.status)
	}
}

func TestWhichSessionsAreWanted(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{})
	for query, want := range map[string]string{
		"":                                   "[2 3 4]",
		"?state=serving":                     "[2]",
		"?state=waiting":                     "[4]",
		"?mac=52-54-00-12-34-56":             "[2]",
		"?mac=52:54:00:12:34:57":             "[]",
		"?peer=192.0.2.8":                    "[3]",
		"?peer=192.0.2.0/24":                 "[2 3]",
		"?peer=192.0.2.0/24&state=ending":    "[3]",
		"?peer=192.0.2.7:2070":               "[2]",
		"?peer=192.0.2.7:2071":               "[]",
		"?peer=2001:db8::/32":                "[4]",
		"?peer=[2001:db8::7]:2070&state=":    "[4]",
		"?peer=192.0.2.0/24&peer=192.0.2.99": "[2 3]",
	} {
		ids := []uint64{}
		for _, session := range as[[]admin.Session](s, "/api/v1/sessions"+query) {
			ids = append(ids, session.ID)
		}
		if got := fmt.Sprint(ids); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for query, want := range map[string]string{
		"?state=asleep":     "state=asleep: want waiting, serving or ending",
		"?mac=1":            "mac=1: want one such as",
		"?peer=somebody":    "peer=somebody: want a client's address",
		"?peer=10.0.0.1/8":  "peer=10.0.0.1/8: want",
		"?file=pxelinux.0":  `there is no parameter \"file\" here, only [\"peer\" \"mac\" \"state\"]`,
		"?State=serving":    `there is no parameter \"State\"`,
		"?peer=192.0.2.%zz": `the query`,
	} {
		if body := s.get("/api/v1/sessions"+query, http.StatusBadRequest); !strings.Contains(body, want) {
			t.Errorf("%s: %s, want %s", query, body, want)
		}
	}
}

func TestNoSessionsAreAnEmptyList(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{})
	s.world.sessions = nil
	if body := s.get("/api/v1/sessions", http.StatusOK); body != "[]\n" {
		t.Errorf("got %q", body)
	}
}
