package console

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"brood/ipc/admin"
)

// listener reads events.
type listener struct {
	*scene
	answer *http.Response
	lines  *bufio.Scanner
	leave  func()
}

func (s *scene) listen(path string) *listener {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { answer.Body.Close() })
	return &listener{s, answer, bufio.NewScanner(answer.Body), cancel}
}

// next is the next event with its lines, or what a stream ends with.
func (l *listener) next() string {
	var all []string
	for l.lines.Scan() {
		switch line := l.lines.Text(); {
		case line == "" && len(all) > 0:
			return strings.Join(all, "\n")
		case line != "" && !strings.HasPrefix(line, "retry:"):
			all = append(all, line)
		}
	}
	return fmt.Sprintf("end: %v", l.lines.Err())
}

// wants wants an event of that kind, and returns its data.
func (l *listener) wants(kind string) (data string) {
	l.Helper()
	text := l.next()
	lines := strings.Split(text, "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "id: ") || lines[1] != "event: "+kind || !strings.HasPrefix(lines[2], `data: {"event":"`+kind+`",`) {
		l.Fatalf("got %q, want an event %s", text, kind)
	}
	return strings.TrimPrefix(lines[2], "data: ")
}

func begun(id uint64) *admin.Event {
	return &admin.Event{Event: admin.EventBegun, Time: time.Now(), Session: &admin.Session{ID: id, Peer: "192.0.2.9:1", File: "a\nb", State: "serving"}}
}

func TestEventsAreTold(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{})
	a, b := s.listen("/api/v1/events"), s.listen("/api/v1/events?progress=1")
	if h := a.answer.Header; a.answer.StatusCode != http.StatusOK || h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%s, %v", a.answer.Status, h)
	}
	a.wants("watching")
	b.wants("watching")
	if n := len(s.server.Asked(admin.KindEvents)); n != 1 {
		t.Errorf("both have %d connections to the server", n)
	}
	s.world.happens(begun(5))
	s.world.happens(&admin.Event{Event: admin.EventProgress, Session: &admin.Session{ID: 5}})
	s.world.happens(&admin.Event{Event: admin.EventEnded, Ended: &admin.Ended{ID: 5}})
	if data := a.wants("begun"); !strings.Contains(data, `"id":5,"peer":"192.0.2.9:1"`) || !strings.Contains(data, `"file":"a\nb"`) {
		t.Errorf("the begin of a session is %s", data)
	}
	a.wants("ended")
	b.wants("begun")
	b.wants("progress")
	b.wants("ended")
	s.world.happens(nil)
	if data := a.wants("lost"); !strings.Contains(data, `"reason":"the server has closed the connection`) {
		t.Errorf("that the server is lost is told by %s", data)
	}
	a.wants("watching")
	b.leave()
	s.eventually("one has left", func() bool { return strings.Contains(s.get("/metrics", 200), "\nbrood_console_readers 1\n") })
	s.end()
	a.wants("end")
	if got := a.next(); got != "end: <nil>" {
		t.Errorf("then %s", got)
	}
	if got := s.logged(); strings.Count(got, "\n") != 1 {
		t.Errorf("the console has logged\n%s", got)
	}
}

func TestWhoMayNotReadEvents(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{})
	s.get("/api/v1/events?progress=yes", http.StatusBadRequest)
	s.get("/api/v1/events?since=1", http.StatusBadRequest)
	if answer, body := s.request("HEAD", "/api/v1/events", ""); answer.StatusCode != http.StatusOK || body != "" {
		t.Errorf("HEAD: %s, %q", answer.Status, body)
	}
	for range 16 {
		s.listen("/api/v1/events").wants("watching")
	}
	answer, body := s.request("GET", "/api/v1/events", "")
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" || !strings.Contains(body, "too many readers") {
		t.Errorf("one too many: %s, %s", answer.Status, body)
	}
}

func TestAReaderThatDoesNotReadIsDropped(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.(*net.TCPConn).SetReadBuffer(4096)
	fmt.Fprintf(conn, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
	metric := func(line string) func() bool {
		return func() bool { return strings.Contains(s.get("/metrics", 200), "\n"+line+"\n") }
	}
	s.eventually("it is counted", metric("brood_console_readers 1"))
	reads := s.listen("/api/v1/events")
	reads.wants("watching")
	s.eventually("it is dropped", func() bool {
		for range 500 {
			s.world.happens(begun(1))
			reads.wants("begun")
		}
		return metric("brood_console_readers_dropped_total 1")()
	})
	if got := s.logged(); !strings.Contains(got, "a reader of events was dropped: it did not read client 127.0.0.1:") {
		t.Errorf("the console has logged\n%s", got)
	}
	s.world.happens(&admin.Event{Event: admin.EventEnded, Ended: &admin.Ended{}})
	reads.wants("ended") // others are told of everything
	metric("brood_console_readers 1")()
}
