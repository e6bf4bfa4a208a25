package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"brood/ipc/admin"
)

// server is heard by a feed, one connection after the other.
type server struct {
	tries  atomic.Int64
	events chan *admin.Event // nil: the connection is lost
	away   atomic.Bool
}

var errAway = errors.New("nobody there")

func (s *server) watch(ctx context.Context, yield func(*admin.Event)) error {
	s.tries.Add(1)
	if s.away.Load() {
		return errAway
	}
	yield(&admin.Event{Event: admin.EventWatching})
	for {
		select {
		case e := <-s.events:
			if e == nil {
				return errors.New("lost it")
			}
			yield(e)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// say has the server's connection say something, and everybody hear it.
func (s *server) say(e *admin.Event) {
	s.events <- e
	synctest.Wait()
}

// run has a feed of a server in a bubble of time, and ends both.
func run(t *testing.T, body func(t *testing.T, s *server, f *Feed, end func())) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{events: make(chan *admin.Event)}
		f := New(s.watch, func(*admin.Event) {})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			f.Run(ctx)
			close(ended)
		}()
		end := func() {
			cancel()
			<-ended
		}
		synctest.Wait()
		body(t, s, f, end)
		end()
	})
}

// told is what a reader has been told so far, as kinds with reasons.
func told(r *Reader) string {
	var all []string
	for {
		select {
		case m, more := <-r.Messages():
			if !more {
				return strings.Join(append(all, "closed"), " ")
			}
			var e admin.Event
			if err := json.Unmarshal(m.JSON, &e); err != nil || e.Event != m.Kind {
				return fmt.Sprintf("%s: %v", m.JSON, err)
			}
			all = append(all, strings.TrimSuffix(fmt.Sprintf("%s:%s", e.Event, e.Reason), ":"))
		default:
			return strings.Join(all, " ")
		}
	}
}

func read(t *testing.T, f *Feed, progress bool) *Reader {
	t.Helper()
	r, err := f.Read(progress, func() { t.Error("a reader was cut off") })
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return r
}

var (
	begun    = &admin.Event{Event: admin.EventBegun, Session: &admin.Session{ID: 1}}
	progress = &admin.Event{Event: admin.EventProgress}
)

func TestTheServerIsHeardWhenSomebodyWantsToKnow(t *testing.T) {
	run(t, func(t *testing.T, s *server, f *Feed, end func()) {
		if time.Sleep(time.Hour); s.tries.Load() != 0 || f.Heard() {
			t.Errorf("it was tried %d times before", s.tries.Load())
		}
		a := read(t, f, false)
		b := read(t, f, true)
		s.say(begun)
		s.say(progress)
		if f.Readers() != 2 || !f.Heard() || s.tries.Load() != 1 {
			t.Errorf("%d readers, %d connections", f.Readers(), s.tries.Load())
		}
		a.Leave()
		s.say(begun)
		if got := told(a); got != "watching begun" {
			t.Errorf("one is told %s", got)
		}
		if got := told(b); got != "watching begun progress begun" {
			t.Errorf("one who wants to know of progress is told %s", got)
		}
		end()
		if got := told(b); got != "end closed" {
			t.Errorf("in the end it is told %s", got)
		}
		if _, err := f.Read(false, nil); !errors.Is(err, ErrEnding) {
			t.Errorf("who comes too late: %v", err)
		}
	})
}

func TestAConnectionThatIsLostIsMadeAgain(t *testing.T) {
	run(t, func(t *testing.T, s *server, f *Feed, _ func()) {
		r := read(t, f, false)
		s.away.Store(true)
		s.say(nil)
		if time.Sleep(time.Minute); s.tries.Load() < 30 || s.tries.Load() > 40 || f.Heard() {
			t.Errorf("it was tried %d times in a minute", s.tries.Load())
		}
		late := read(t, f, false)
		s.away.Store(false)
		time.Sleep(lastPause)
		s.say(&admin.Event{Event: admin.EventGone, Reason: admin.ReasonUpgraded})
		s.say(nil)
		time.Sleep(firstPause)
		s.say(begun)
		if got := told(r); got != "watching lost:lost it watching gone:upgraded watching begun" {
			t.Errorf("one is told %s", got)
		}
		if got := told(late); got != "lost:lost it watching gone:upgraded watching begun" {
			t.Errorf("who has come meanwhile is told %s", got)
		}
	})
}

func TestAServerThatIsNotThere(t *testing.T) {
	run(t, func(t *testing.T, s *server, f *Feed, _ func()) {
		s.away.Store(true)
		r := read(t, f, false)
		if time.Sleep(time.Minute); told(r) != "lost:nobody there" {
			t.Error("a reader is not told once why")
		}
	})
}

// How long one was away says nothing of the next time.
func TestAServerThatWasAwayIsLookedForAtOnceTheNextTime(t *testing.T) {
	run(t, func(t *testing.T, s *server, f *Feed, _ func()) {
		s.away.Store(true)
		f.Want()
		time.Sleep(time.Minute)
		s.away.Store(false)
		time.Sleep(lastPause)
		before := s.tries.Load()
		s.say(nil)
		time.Sleep(firstPause)
		synctest.Wait()
		if n := s.tries.Load() - before; n != 1 {
			t.Errorf("%v after it was lost it was looked for %d times", firstPause, n)
		}
	})
}

func TestWhoDoesNotReadIsDropped(t *testing.T) {
	run(t, func(t *testing.T, s *server, f *Feed, _ func()) {
		cut := 0
		slow, err := f.Read(false, func() { cut++ })
		if err != nil {
			t.Fatal(err)
		}
		quick := read(t, f, false)
		for range queueLen + 5 {
			s.say(begun)
			<-quick.Messages()
		}
		if cut != 1 || f.Readers() != 1 || f.Dropped() != 1 {
			t.Errorf("it was cut off %d times, %d readers are left, %d are counted as dropped", cut, f.Readers(), f.Dropped())
		}
		slow.Drop()
		slow.Leave()
		quick.Drop()
		if f.Readers() != 0 || f.Dropped() != 2 {
			t.Errorf("%d readers are left, %d are counted as dropped", f.Readers(), f.Dropped())
		}
	})
}

func TestThereAreOnlySoManyReaders(t *testing.T) {
	run(t, func(t *testing.T, _ *server, f *Feed, _ func()) {
		r := read(t, f, false)
		for range maxReaders - 1 {
			read(t, f, false)
		}
		if _, err := f.Read(false, nil); !errors.Is(err, ErrCrowded) {
			t.Errorf("one too many: %v", err)
		}
		r.Leave()
		read(t, f, false)
	})
}

func Example() {
	happens := make(chan *admin.Event, 1)
	f := New(func(ctx context.Context, yield func(*admin.Event)) error {
		for {
			select {
			case e := <-happens:
				yield(e)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}, func(*admin.Event) {})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go f.Run(ctx)
	r, err := f.Read(false, func() {})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Leave()
	happens <- &admin.Event{Event: admin.EventGone, Time: time.Unix(0, 0).UTC(), Reason: "drained"}
	m := <-r.Messages()
	fmt.Printf("%s %s\n", m.Kind, m.JSON)
	// Output: gone {"event":"gone","time":"1970-01-01T00:00:00Z","reason":"drained"}
}
