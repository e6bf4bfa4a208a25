package desk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"brood/ipc/admin"
)

// patience bounds every wait of a test. It is not an expectation.
const patience = time.Minute

// counter is a server whose answers are numbers.
type counter struct {
	*Desk
	t       *testing.T
	path    string
	asked   atomic.Int64
	changes atomic.Int64
	lost    atomic.Int64
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	c := &counter{t: t, path: place(t)}
	c.Desk = New(Config{
		Program: "counter", Group: -1, Answer: c.answer,
		OnChange: func(_, _ int, _ admin.Request, err error) {
			if err == nil {
				c.changes.Add(1)
			}
		},
		OnLost: func(int, int) { c.lost.Add(1) },
	})
	if err := c.Serve(open(t, c.path, Access{Group: -1, Owner: -1})); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(func() *admin.Event { return &admin.Event{Event: admin.EventGone} }) })
	return c
}

// answer counts up to a request's number, or waits until the end.
func (c *counter) answer(r admin.Request, say func(any) error, done <-chan struct{}) error {
	c.asked.Add(1)
	if r.Kind == admin.KindReload {
		<-done
		return ending
	}
	for i := range r.Number {
		if err := say(&admin.Session{ID: i, File: string(bytes.Repeat([]byte{'f'}, 500))}); err != nil {
			return err
		}
	}
	if r.Text != "" {
		return &admin.Error{Code: admin.CodeFailed, Message: r.Text}
	}
	return nil
}

func (c *counter) dial() net.Conn {
	c.t.Helper()
	conn, err := net.Dial("unix", c.path)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

func (c *counter) client() *admin.Client {
	c.t.Helper()
	client, err := admin.NewClient(c.dial())
	if err != nil {
		c.t.Fatal(err)
	}
	return client
}

func eventually(ok func() bool) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if ok() {
			return true
		}
	}
	return false
}

func TestRequestsAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	server := newCounter(t)
	c := server.client()
	if c.Hello != (admin.Hello{Version: admin.Version, Program: "counter", PID: os.Getpid(), MayChange: true}) {
		t.Errorf("greeted with %+v", c.Hello)
	}
	for _, n := range []uint64{0, 1, 1000} {
		got, err := admin.All[admin.Session](c, admin.Request{Kind: admin.KindSessions, Number: n})
		if err != nil || uint64(len(got)) != n || n > 0 && got[n-1].ID != n-1 {
			t.Errorf("%d items, %v; want %d in their order", len(got), err, n)
		}
	}
	var refused *admin.Error
	if err := c.Do(admin.Request{Kind: admin.KindKill, Text: "no"}); !errors.As(err, &refused) || refused.Message != "no" {
		t.Errorf("a refusal: %v", err)
	}
	if err := c.Do(admin.Request{Kind: admin.KindKill}); err != nil || server.changes.Load() != 1 {
		t.Errorf("after a refusal: %v, %d changes are known of", err, server.changes.Load())
	}
}

func TestWhoSaysSomethingElseIsSentAway(t *testing.T) {
	t.Parallel()
	server := newCounter(t)
	for _, said := range []string{"\xff\xff\xff\xff", "\x00\x01\x00\x01", "\x00\x00\x00\x01\xc1", "\x00\x00\x00\x00", "GET / HTTP/1.0\r\n\r\n", "\x00\x00\x00\x05\xdd\x7f\xff\xff\xff"} {
		conn := server.dial()
		io.WriteString(conn, said)
		conn.(*net.UnixConn).CloseWrite()
		all, err := io.ReadAll(conn)
		if err != nil && !errors.Is(err, io.EOF) { // reset, for what it left unread
			t.Logf("%q: %v", said, err)
		}
		if !bytes.Contains(all, []byte("malformed message")) {
			t.Errorf("%q is answered with %q", said, all)
		}
	}
	if n := server.asked.Load(); n != 0 {
		t.Errorf("the server was asked %d times", n)
	}
	if !eventually(func() bool { return server.Clients() == 0 }) {
		t.Errorf("%d clients are left", server.Clients())
	}
}

func TestMoreClientsThanThereIsRoomForAreToldSo(t *testing.T) {
	t.Parallel()
	server := newCounter(t)
	for range maxClients {
		server.client()
	}
	var refused *admin.Error
	if err := server.client().Do(admin.Request{Kind: admin.KindStatus}); !errors.As(err, &refused) || refused.Code != admin.CodeBusy {
		t.Errorf("one more is told %v", err)
	}
}

func TestEventsReachWhoWatches(t *testing.T) {
	t.Parallel()
	server := newCounter(t)
	if server.Watched() {
		t.Error("watched by nobody")
	}
	const watchers, events = 3, 50
	var all sync.WaitGroup
	for i := range watchers {
		c := server.client()
		all.Go(func() {
			want, text := events, ""
			if i == 0 {
				want, text = 2*events, "progress"
			}
			got := 0
			err := admin.Each(c, admin.Request{Kind: admin.KindEvents, Text: text}, func(e admin.Event) error {
				switch {
				case e.Event == admin.EventWatching:
					return nil
				case e.Event == admin.EventGone && got != want:
					t.Errorf("watcher %d got %d events, want %d", i, got, want)
				}
				got++
				return nil
			})
			if err != nil || got != want+1 {
				t.Errorf("watcher %d: %v after %d events, want the last to be the server's end", i, err, got)
			}
		})
	}
	if !eventually(func() bool { server.mu.Lock(); defer server.mu.Unlock(); return len(server.watching) == watchers }) {
		t.Fatal("nobody watches")
	}
	for range events {
		server.Publish(false, func() *admin.Event { return &admin.Event{Event: admin.EventBegun} })
		server.Publish(true, func() *admin.Event { return &admin.Event{Event: admin.EventProgress} })
	}
	server.Close(func() *admin.Event { return &admin.Event{Event: admin.EventGone} })
	all.Wait()
	if server.Watched() {
		t.Error("still watched")
	}
}

// Publish is called by the server's loop: it must return whatever a watcher does.
func TestAWatcherThatDoesNotReadIsCutOff(t *testing.T) {
	t.Parallel()
	server := newCounter(t)
	conn := server.dial()
	b, _ := admin.Request{ID: 1, Kind: admin.KindEvents}.Append(nil)
	conn.Write(b)
	if !eventually(server.Watched) {
		t.Fatal("nobody watches")
	}
	file := string(bytes.Repeat([]byte{'f'}, 2000))
	for n := 0; server.Watched(); n++ {
		server.Publish(false, func() *admin.Event { return &admin.Event{Event: admin.EventBegun, Session: &admin.Session{File: file}} })
		if n > 1_000_000 {
			t.Fatal("it is still watching")
		}
	}
	if !eventually(func() bool { return server.Clients() == 0 && server.Lost() == 1 && server.lost.Load() == 1 }) {
		t.Errorf("%d clients, %d lost, told %d", server.Clients(), server.Lost(), server.lost.Load())
	}
}

func TestAClientThatIsGoneIsForgotten(t *testing.T) {
	t.Parallel()
	server := newCounter(t)
	watcher, asker := server.dial(), server.dial()
	b, _ := admin.Request{ID: 1, Kind: admin.KindEvents}.Append(nil)
	watcher.Write(b)
	b, _ = admin.Request{ID: 1, Kind: admin.KindSessions, Number: 1 << 40}.Append(nil)
	asker.Write(b)
	if !eventually(func() bool { return server.Watched() && server.asked.Load() == 1 }) {
		t.Fatal("they are not served")
	}
	watcher.Close()
	asker.Close()
	if !eventually(func() bool { return server.Clients() == 0 && !server.Watched() }) {
		t.Errorf("%d clients are left", server.Clients())
	}
	if server.Lost() != 0 {
		t.Error("they count as slow")
	}
}

// Whoever asks without end has a turn at a time: another's request does not wait for
// all of theirs.
func TestAFloodOfRequestsIsPaced(t *testing.T) {
	t.Parallel()
	server := newCounter(t)
	for range maxClients - 1 {
		conn := server.dial()
		go io.Copy(io.Discard, conn)
		go func() {
			b, _ := admin.Request{ID: 1, Kind: admin.KindStatus}.Append(nil)
			b = bytes.Repeat(b, 100)
			for {
				if _, err := conn.Write(b); err != nil {
					return
				}
			}
		}()
	}
	c := server.client()
	start := time.Now()
	before := server.asked.Load()
	const mine = 20
	for range mine {
		if err := c.Do(admin.Request{Kind: admin.KindStatus}); err != nil {
			t.Fatal(err)
		}
	}
	took, asked := time.Since(start), server.asked.Load()-before
	if most := paceBurst + int64(took/paceEvery); asked > most {
		t.Errorf("%d requests in %v, want at most %d", asked, took, most)
	}
	if theirs := asked - mine; theirs > mine*2*maxClients+paceBurst {
		t.Errorf("%d requests of others came before %d of mine", theirs, mine)
	}
}

func TestTheEndWaitsForNobodyLong(t *testing.T) {
	t.Parallel()
	server := newCounter(t)
	var waiting sync.WaitGroup
	idle, reloading, stuck := server.client(), server.client(), server.dial()
	b, _ := admin.Request{ID: 1, Kind: admin.KindSessions, Number: 1 << 40}.Append(nil)
	stuck.Write(b) // and never reads
	waiting.Go(func() {
		var e *admin.Error
		if err := reloading.Do(admin.Request{Kind: admin.KindReload}); !errors.As(err, &e) || e.Code != admin.CodeEnding {
			t.Errorf("who waits is told %v", err)
		}
	})
	if !eventually(func() bool { return server.asked.Load() == 2 }) {
		t.Fatal("they are not served")
	}
	server.Close(func() *admin.Event { return &admin.Event{} })
	waiting.Wait()
	if err := idle.Do(admin.Request{Kind: admin.KindStatus}); err == nil {
		t.Error("an idle client is still served")
	}
}

func TestWhoMayChange(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		who        peer
		own, group int
		want       bool
	}{
		{peer{uid: 0, groups: []uint32{0}}, 65530, -1, true},
		{peer{uid: 65530, groups: []uint32{65530}}, 65530, -1, true},
		{peer{uid: 1000, groups: []uint32{1000, 27}}, 65530, 27, true},
		{peer{uid: 1000, groups: []uint32{27}}, 65530, 27, true},
		{peer{uid: 1000, groups: []uint32{1000}}, 65530, 27, false},
		{peer{uid: 1000, groups: []uint32{0}}, 65530, -1, false},
		{peer{uid: 65534}, 65530, -1, false},
	} {
		if got := tt.who.mayChange(tt.own, tt.group); got != tt.want {
			t.Errorf("%+v where the server is %d and the group %d: %v", tt.who, tt.own, tt.group, got)
		}
	}
}

func TestThePeersGroupsAreTheKernelsWord(t *testing.T) {
	t.Parallel()
	server := newCounter(t)
	conn := server.dial()
	file, err := conn.(*net.UnixConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p, err := peerOf(int(file.Fd()))
	if err != nil || p.uid != os.Getuid() || p.pid != os.Getpid() {
		t.Errorf("the server is %+v, %v", p, err)
	}
	groups, _ := os.Getgroups()
	if fmt.Sprint(p.groups) != fmt.Sprint(append([]int{os.Getegid()}, groups...)) {
		t.Errorf("its groups are %v, want %v and %v", p.groups, os.Getegid(), groups)
	}
}
