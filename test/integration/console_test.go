package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"brood/ipc/admin"
	"brood/protocol"
	"brood/test/harness"
)

// console is broodctl console beside a server.
type console struct {
	*harness.Program
	cmd  *exec.Cmd
	t    *testing.T
	base string // of URLs
}

// console starts one.
func (o *operator) console(flags ...string) *console {
	o.t.Helper()
	cmd := o.command(append([]string{"console", "--listen", "127.0.0.1:0"}, flags...)...)
	c := &console{Program: harness.RunProgram(o.t, cmd), cmd: cmd, t: o.t}
	c.Wait("\n", time.Minute)
	address := regexp.MustCompile(`^console listens address=(\S+)\n`).FindStringSubmatch(c.Output())
	if address == nil {
		o.t.Fatalf("the console says %q", c.Output())
	}
	c.base = "http://" + address[1]
	return c
}

// ask sends a request, with headers as "Name: value".
func (c *console) ask(method, path, body string, headers ...string) (code int, answer string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	if err != nil {
		c.t.Errorf("%s %s: %v", method, path, err)
	}
	return got.StatusCode, string(b)
}

// get wants 200.
func (c *console) get(path string) string {
	c.t.Helper()
	code, body := c.ask(http.MethodGet, path, "")
	if code != http.StatusOK {
		c.t.Errorf("%s: %d\n%s", path, code, body)
	}
	return body
}

// metrics are the values of a scrape, by name and labels.
func (c *console) metrics() map[string]float64 {
	c.t.Helper()
	all := map[string]float64{}
	for line := range strings.Lines(c.get("/metrics")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if !strings.Contains(line, "}") {
			name, value, _ = strings.Cut(strings.TrimSpace(line), " ")
		} else {
			name += "}"
		}
		if !strings.HasPrefix(line, "#") {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				c.t.Errorf("%q: %v", line, err)
			}
			all[name] = n
		}
	}
	return all
}

// What a console counts of a fleet is what the fleet did.
func TestMetricsOfAFleet(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	content := tree.File("f", 100_000)
	s, o := serveOperated(t, "--root", tree.Dir)
	c := o.console()
	before := c.metrics()
	if before["brood_up"] != 1 || before["brood_sessions_started_total"] != 0 {
		t.Errorf("before anything was asked: %v", before)
	}
	const clients = 60
	fleet(t, s, "f", content, clients, 10)
	stranger := harness.NewPeer(t, "127.0.0.1")
	stranger.Send(s.Addr, harness.RRQ("none"))
	stranger.Error(1)
	o.settled()
	var m map[string]float64
	if !harness.Eventually(func() bool { m = c.metrics(); return m["brood_session_duration_seconds_count"] == clients+1 }) {
		t.Errorf("%v sessions have a duration, want %d", m["brood_session_duration_seconds_count"], clients+1)
	}
	for name, want := range map[string]float64{
		"brood_sessions_started_total":                          clients + 1,
		`brood_sessions_ended_total{outcome="completed"}`:       clients,
		`brood_sessions_ended_total{outcome="missing"}`:         1,
		"brood_content_bytes_total":                             clients * float64(len(content)),
		"brood_session_rate_bytes_per_second_count":             clients,
		"brood_first_answer_seconds_count":                      clients + 1,
		`brood_state{state="serving"}`:                          1,
		"brood_sessions":                                        0,
		`brood_session_rate_bytes_per_second_bucket{le="+Inf"}`: clients,
		"brood_up": 1,
	} {
		if m[name] != want {
			t.Errorf("%s is %v, want %v", name, m[name], want)
		}
	}
	if problems, err := promlint.New(strings.NewReader(c.get("/metrics"))).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", err, problems)
	}
	s.Kill()
	if !harness.Eventually(func() bool { m = c.metrics(); return m["brood_up"] == 0 }) || len(m) != 4 {
		t.Errorf("of a server that was killed: %v", m)
	}
	harness.Serve(t, "--root", tree.Dir, "--admin", o.path)
	if !harness.Eventually(func() bool { m = c.metrics(); return m["brood_up"] == 1 }) || m["brood_sessions_started_total"] != 0 {
		t.Errorf("of one that was started again: %v", m)
	}
	if line := fmt.Sprintf("address=%s\n", strings.TrimPrefix(c.base, "http://")); !strings.HasSuffix(c.Output(), line) {
		t.Errorf("all that the console says: %s", c.Output())
	}
}

// stream reads server-sent events.
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
}

func (c *console) stream(path string) *stream {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.base+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		c.t.Fatalf("%s: %v, %v", path, answer, err)
	}
	c.t.Cleanup(func() { answer.Body.Close() })
	s := &stream{c.t, bufio.NewScanner(answer.Body)}
	s.wants(admin.EventWatching)
	return s
}

// wants passes over everything until an event of that kind.
func (s *stream) wants(kind admin.EventKind) (e admin.Event) {
	s.t.Helper()
	for s.lines.Scan() {
		if data, ok := strings.CutPrefix(s.lines.Text(), "data: "); ok {
			if e = (admin.Event{}); json.Unmarshal([]byte(data), &e) != nil || e.Event == "" {
				s.t.Fatalf("an event is %s", data)
			}
			if e.Event == kind {
				return e
			}
		}
	}
	s.t.Fatalf("the stream ends without %s: %v", kind, s.lines.Err())
	return e
}

func decoded[T any](c *console, path string) (v T) {
	c.t.Helper()
	text := c.get(path)
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		c.t.Errorf("%s: %v\n%s", path, err, text)
	}
	return v
}

// bootOf is what a console says of one machine.
type bootOf struct {
	State string
	Last  struct {
		Stage, File, Outcome string
		Bytes                uint64
	}
}

const token = "an-operators-token-of-a-test"

// A machine boots, is seen to at every path, and its last session is ended by who has
// the token.
func TestAConsoleSeesABootAndEndsIt(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	loader := tree.File("pxelinux.0", 10_000)
	tree.File("vmlinuz", 5000)
	tree.Write("token", []byte(token+"\n"))
	s, o := serveOperated(t, "--root", tree.Dir, "--timeout", "60s")
	c := o.console("--token-file", filepath.Join(tree.Dir, "token"))
	events := c.stream("/api/v1/events?progress=1")
	if text := c.get("/readyz"); text != "serving\n" {
		t.Errorf("the server is %q", text)
	}
	fleet(t, s, "pxelinux.0", loader, 1, 1)
	begun := events.wants(admin.EventBegun)
	if ended := events.wants(admin.EventEnded).Ended; ended.ID != begun.Session.ID || ended.File != "pxelinux.0" || ended.Outcome != "complete" {
		t.Errorf("a session has ended as %+v", ended)
	}
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(s.Addr, harness.RRQ("vmlinuz"))
	peer.Data(1)
	id := events.wants(admin.EventBegun).Session.ID
	peer.Ack(1)
	peer.Data(2)
	var m bootOf
	if !harness.Eventually(func() bool { m = decoded[bootOf](c, "/api/v1/machines/127.0.0.1"); return m.Last.Bytes == 512 }) || m.State != "loading" || m.Last.Stage != "kernel" {
		t.Errorf("the machine is %+v", m)
	}
	if sessions := decoded[[]admin.Session](c, "/api/v1/sessions?peer=127.0.0.1"); len(sessions) != 1 || sessions[0].ID != id || sessions[0].State != "serving" {
		t.Errorf("the sessions are %+v", sessions)
	}
	if status := decoded[admin.Status](c, "/api/v1/stats"); status.PID != s.PID || status.Active != 1 || status.Counters.Completed != 1 {
		t.Errorf("the status is %+v", status)
	}
	for _, path := range []string{"/", "/healthz", "/api/v1/machines", "/api/v1/openapi.json"} {
		c.get(path)
	}

	path := fmt.Sprintf("/api/v1/sessions/%d", id)
	auth := "Authorization: Bearer " + token
	if code, body := c.ask(http.MethodDelete, path, ""); code != http.StatusUnauthorized {
		t.Errorf("without the token: %d %s", code, body)
	}
	if code, body := c.ask(http.MethodDelete, path, "", auth+"x"); code != http.StatusUnauthorized {
		t.Errorf("with another: %d %s", code, body)
	}
	if code, body := o.console().ask(http.MethodDelete, path, "", auth); code != http.StatusForbidden {
		t.Errorf("of a console without one: %d %s", code, body)
	}
	if code, body := c.ask(http.MethodDelete, path, "", auth); code != http.StatusNoContent {
		t.Errorf("with the token: %d %s", code, body)
	}
	told, err := protocol.ParseError(peer.Receive())
	for err != nil { // blocks that are sent again meanwhile
		told, err = protocol.ParseError(peer.Receive())
	}
	if told.Message != "Server ended the session" {
		t.Errorf("its client is told %q", told.Message)
	}
	if ended := events.wants(admin.EventEnded).Ended; ended.ID != id || ended.Outcome != "killed" {
		t.Errorf("it has ended as %+v", ended)
	}
	if code, body := c.ask(http.MethodDelete, path, "", auth); code != http.StatusNotFound {
		t.Errorf("once more: %d %s", code, body)
	}
	if !harness.Eventually(func() bool { m = decoded[bootOf](c, "/api/v1/machines/127.0.0.1"); return m.Last.Outcome == "killed" }) {
		t.Errorf("in the end the machine is %+v", m)
	}

	isJSON := "Content-Type: application/json"
	for _, tt := range []struct {
		method, path, body string
		code               int
	}{
		{http.MethodPut, "/api/v1/rules", `{"prefix": "10.0.0.0/8", "allow": false, "seconds": 60}`, http.StatusNoContent},
		{http.MethodDelete, "/api/v1/rules?prefix=10.0.0.0/8&allow=false", "", http.StatusNoContent},
		{http.MethodDelete, "/api/v1/rules?prefix=10.0.0.0/8&allow=false", "", http.StatusNotFound},
		{http.MethodPut, "/api/v1/log-level", `{"level": "debug"}`, http.StatusNoContent},
		{http.MethodPost, "/api/v1/reload", "", http.StatusNoContent},
		{http.MethodPost, "/api/v1/drain", "", http.StatusNoContent},
	} {
		if code, body := c.ask(tt.method, tt.path, tt.body, auth, isJSON); code != tt.code {
			t.Errorf("%s %s: %d, want %d: %s", tt.method, tt.path, code, tt.code, body)
		}
	}
	if reason := events.wants(admin.EventGone).Reason; reason != admin.ReasonDrained {
		t.Errorf("the server is gone because it was %s", reason)
	}
	if code := s.Exit(); code != 0 {
		t.Errorf("the server ended with code %d", code)
	}
	if strings.Contains(c.Output(), token) {
		t.Errorf("the console has logged the token:\n%s", c.Output())
	}
}

// A reader that takes nothing is dropped, and others are told of everything.
func TestAReaderThatDoesNotReadIsDropped(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	content := tree.File("f", 10)
	s, o := serveOperated(t, "--root", tree.Dir)
	c := o.console()
	slow, err := net.Dial("tcp", strings.TrimPrefix(c.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	slow.(*net.TCPConn).SetReadBuffer(4096)
	fmt.Fprintf(slow, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
	if !harness.Eventually(func() bool { return c.metrics()["brood_console_readers"] == 1 }) {
		t.Error("it is no reader")
	}
	events, sessions := c.stream("/api/v1/events"), 0
	var told atomic.Int64
	go func() {
		for events.lines.Scan() {
			if events.lines.Text() == "event: ended" {
				told.Add(1)
			}
		}
	}()
	if !harness.Eventually(func() bool {
		sessions += fleet(t, s, "f", content, 200, 20)
		return c.metrics()["brood_console_readers_dropped_total"] == 1
	}) {
		t.Errorf("it is not dropped after %d sessions", sessions)
	}
	if !harness.Eventually(func() bool { return told.Load() == int64(sessions) }) {
		t.Errorf("who reads is told of %d sessions that have ended, want %d", told.Load(), sessions)
	}
	if m := c.metrics(); m["brood_console_readers"] != 1 || m["brood_admin_clients_lost_total"] != 0 {
		t.Errorf("%v readers are left, and %v of the server's clients are lost", m["brood_console_readers"], m["brood_admin_clients_lost_total"])
	}
}

// A console outlives servers: it finds the next one, and says so to who reads.
func TestAConsoleOutlivesServers(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	content := tree.File("f", 1500)
	o := &operator{t: t, path: harness.SocketPath(t)}
	u := harness.StartUpgradable(t, nil, "--root", tree.Dir, "--admin", o.path)
	c := o.console()
	events := c.stream("/api/v1/events")
	c.get("/api/v1/machines")
	for range 2 {
		u.Upgrade()
		if reason := events.wants(admin.EventGone).Reason; reason != admin.ReasonUpgraded {
			t.Errorf("the server is gone because it was %s", reason)
		}
		events.wants(admin.EventWatching)
		fleet(t, u.Server, "f", content, 1, 1)
		events.wants(admin.EventEnded)
		if !harness.Eventually(func() bool { return decoded[admin.Status](c, "/api/v1/stats").PID == u.Now }) {
			t.Errorf("it asks another process than %d", u.Now)
		}
	}
	syscall.Kill(u.Now, syscall.SIGKILL)
	events.wants("lost")
	var code int
	var body string
	if !harness.Eventually(func() bool { // what was asked before its end has another reason
		code, body = c.ask(http.MethodGet, "/readyz", "")
		return code == http.StatusServiceUnavailable && strings.Contains(body, o.path)
	}) {
		t.Errorf("of a server that was killed: %d, %s", code, body)
	}
	if code, body := c.ask(http.MethodGet, "/api/v1/stats", ""); code != http.StatusServiceUnavailable {
		t.Errorf("of a server that was killed: %d, %s", code, body)
	}
	var m bootOf
	if m = decoded[bootOf](c, "/api/v1/machines/127.0.0.1"); m.Last.File != "f" {
		t.Errorf("what was seen before is %+v", m)
	}
	next := harness.Serve(t, "--root", tree.Dir, "--admin", o.path)
	events.wants(admin.EventWatching)
	fleet(t, next, "f", content, 1, 1)
	events.wants(admin.EventEnded)
	c.cmd.Process.Signal(syscall.SIGTERM)
	events.wants("end")
	if code := c.Exit(time.Minute); code != 0 {
		t.Errorf("the console exits %d:\n%s", code, c.Output())
	}
}
