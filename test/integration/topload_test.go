package integration

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"brood/ipc/admin"
	"brood/test/harness"
)

// crowd is a server with so many sessions, which says each time how often it was asked:
// that is its configuration's number. From one time to the next everything about each
// session has changed.
type crowd struct {
	sessions int
	asked    atomic.Uint64
}

func (c *crowd) serve(conn net.Conn) {
	defer conn.Close()
	b, _ := admin.Hello{Version: admin.Version, Program: "crowd 1", PID: 1}.Append(nil)
	for {
		if _, err := conn.Write(b); err != nil {
			return
		}
		r, err := admin.ReadRequest(conn)
		if err != nil {
			return
		}
		b = b[:0]
		add := func(item any) { b, _ = admin.AppendItem(b, r.ID, item) }
		switch r.Kind {
		case admin.KindStatus:
			n := c.asked.Add(1)
			add(&admin.Status{Program: "crowd 1", State: "serving", Generation: n, Active: c.sessions, Counters: admin.Counters{Completed: n * 50}})
		case admin.KindSessions:
			for i := range c.sessions {
				add(c.session(i))
			}
		case admin.KindEvents:
			add(&admin.Event{Event: admin.EventWatching})
			conn.Write(b)
			conn.Read(make([]byte, 1)) // until nobody wants to know any more
			return
		}
		b, _ = admin.AppendEnd(b, r.ID)
	}
}

func (c *crowd) session(i int) *admin.Session {
	const size = 571_234_567
	s := &admin.Session{
		ID: uint64(i), Peer: fmt.Sprintf("10.1.%d.%d:%d", i/250, i%250, 2000+i), MAC: fmt.Sprintf("52:54:00:12:%02x:%02x", i/256, i%256), File: "images/vmlinuz",
		State: "serving", Worker: 4000 + i, Age: 100 * rand.Float64(), Size: size, Bytes: rand.Uint64N(size), Packets: 400_000,
		Retransmissions: rand.Uint64N(30_000), Rate: rand.Float64() * 1e8, RoundTrip: rand.Float64(),
	}
	if i%37 == 0 {
		s.Silence = 7
	}
	return s
}

// gather starts a crowd of sessions, and returns who can look at it.
func gather(t *testing.T, sessions int) *operator {
	t.Helper()
	o := &operator{t: t, path: harness.SocketPath(t)}
	l, err := net.Listen("unix", o.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := &crowd{sessions: sessions}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.serve(conn)
		}
	}()
	return o
}

// Whoever looks over a slow line gets what has changed on the screen, and not what 2,000
// sessions are: a screen of 80 by 24 has 1,920 characters.
func TestTopWritesLittle(t *testing.T) {
	t.Parallel()
	o := gather(t, 2000)
	for _, tt := range []struct {
		columns, rows int
		sort          string
		most          int // bytes for each time that the server is asked
	}{
		{80, 24, "id", 2200},
		{80, 24, "rate", 2600}, // all rows move
		{120, 40, "rate", 6500},
	} {
		screen := o.onTop(tt.columns, tt.rows, "--sort", tt.sort)
		begun, before := generation(t, screen.Wait(generated)), screen.Written()
		end := begun + 10
		after := generation(t, screen.Wait(func(got string) bool { return generated(got) && generation(t, got) >= end }))
		each := (screen.Written() - before) / (after - begun)
		t.Logf("%d by %d, sorted by %s: %d bytes for each of %d refreshes", tt.columns, tt.rows, tt.sort, each, after-begun)
		if each > tt.most {
			t.Errorf("that is more than %d", tt.most)
		}
		screen.Type("q")
		screen.Exit()
	}
}

// generated says whether a screen is whole.
func generated(screen string) bool {
	return strings.Contains(screen, "configuration ") && strings.Contains(screen, "q quit")
}

func generation(t *testing.T, screen string) (n int) {
	t.Helper()
	_, text, _ := strings.Cut(screen, "configuration ")
	if _, err := fmt.Sscan(text, &n); err != nil {
		t.Errorf("%v in\n%s", err, screen)
	}
	return n
}

func TestTopHasColoursUnlessTheyAreNotWanted(t *testing.T) {
	t.Parallel()
	const red = "\x1b[31m"
	o := gather(t, 1)
	for _, tt := range []struct {
		env     string
		colours bool
	}{
		{"NO_COLOR=", true},
		{"NO_COLOR=1", false},
		{"NO_COLOR=yes", false},
	} {
		o.as = []string{"env", tt.env}
		screen := o.onTop(80, 10)
		shows(screen, "\n ! ")
		if got := strings.Contains(screen.Styled(), red); got != tt.colours {
			t.Errorf("with %s a stuck session is red: %v", tt.env, got)
		}
	}
}
