package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"brood/cmd/broodctl/internal/console/link/linktest"
	"brood/ipc/admin"
)

// answering is a server whose status has how often it was asked.
func answering(takes time.Duration) *linktest.Server {
	s := new(linktest.Server)
	s.Answer = func(r admin.Request, say func(any) error) error {
		time.Sleep(takes)
		switch r.Kind {
		case admin.KindStatus:
			return say(&admin.Status{PID: len(s.Asked(r.Kind))})
		case admin.KindSessions:
			return errors.Join(say(&admin.Session{ID: 1}), say(&admin.Session{ID: 2}))
		case admin.KindHistory:
			return say(&admin.Ended{ID: 3})
		case admin.KindKill:
			return &admin.Error{Code: admin.CodeNoSession, Message: "gone"}
		}
		return nil
	}
	return s
}

func TestWhoAsksAtOnceSharesAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := answering(time.Second)
		l := New(server.Dial)
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				if s, err := l.Status(t.Context()); err != nil || s.PID != 1 {
					t.Errorf("got %+v, %v", s, err)
				}
			})
		}
		all.Wait()
		time.Sleep(fresh - time.Nanosecond)
		if s, err := l.Status(t.Context()); err != nil || s.PID != 1 {
			t.Errorf("an answer that is good still: %+v, %v", s, err)
		}
		time.Sleep(time.Nanosecond)
		if s, err := l.Status(t.Context()); err != nil || s.PID != 2 {
			t.Errorf("one that is too old: %+v, %v", s, err)
		}
		if sessions, err := l.Sessions(t.Context()); err != nil || len(sessions) != 2 || sessions[1].ID != 2 {
			t.Errorf("sessions: %+v, %v", sessions, err)
		}
		if running, ended, err := l.CatchUp(t.Context()); err != nil || len(running) != 2 || len(ended) != 1 || ended[0].ID != 3 {
			t.Errorf("what there is: %+v, %+v, %v", running, ended, err)
		}
	})
}

func TestWhatChangesTheServerMakesAnswersOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := answering(0)
		l := New(server.Dial)
		l.Status(t.Context())
		if err := l.Do(t.Context(), admin.Request{Kind: admin.KindDeny, Text: "10.0.0.0/8", Number: 5}, time.Second); err != nil {
			t.Error(err)
		}
		if s, err := l.Status(t.Context()); err != nil || s.PID != 2 {
			t.Errorf("afterwards the status is %+v, %v", s, err)
		}
		if asked := server.Asked(admin.KindDeny); len(asked) != 1 || asked[0].Text != "10.0.0.0/8" || asked[0].Number != 5 {
			t.Errorf("the server was asked %+v", asked)
		}
		var said *admin.Error
		if err := l.Do(t.Context(), admin.Request{Kind: admin.KindKill}, time.Second); !errors.As(err, &said) || said.Code != admin.CodeNoSession {
			t.Errorf("what is refused: %v", err)
		}
	})
}

func TestAServerThatDoesNotAnswerIsWaitedForNoLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := New(answering(time.Hour).Dial)
		begun := time.Now()
		_, err := l.Status(t.Context())
		var unheard *Error
		if !errors.As(err, &unheard) || !unheard.Silent || time.Since(begun) != AnswersWithin {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun = time.Now()
		if _, err := l.Sessions(ctx); err == nil || time.Since(begun) != time.Second {
			t.Errorf("who has less time waited %v: %v", time.Since(begun), err)
		}
		for range atOnce {
			go l.Do(t.Context(), admin.Request{Kind: admin.KindReload}, time.Minute)
		}
		synctest.Wait()
		if err := l.Do(t.Context(), admin.Request{Kind: admin.KindDrain}, time.Second); !errors.As(err, &unheard) || !unheard.Silent {
			t.Errorf("when %d others wait: %v", atOnce, err)
		}
		time.Sleep(2 * time.Hour) // until the server has given up, too
	})
}

func TestWhyAServerCantBeAsked(t *testing.T) {
	t.Parallel()
	refusing := func(context.Context) (io.ReadWriteCloser, error) { return nil, errors.New("nobody there") }
	mute := &linktest.Server{Answer: func(admin.Request, func(any) error) error { return io.EOF }}
	twice := &linktest.Server{Answer: func(_ admin.Request, say func(any) error) error {
		return errors.Join(say(&admin.Status{}), say(&admin.Status{}))
	}}
	for _, tt := range []struct {
		name string
		dial Dial
		want string
	}{
		{"nobody", refusing, "nobody there"},
		{"one that hangs up", mute.Dial, "has closed the connection"},
		{"one with two of it", twice.Dial, "2 statuses"},
	} {
		_, err := New(tt.dial).Status(t.Context())
		var unheard *Error
		if !errors.As(err, &unheard) || unheard.Silent || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestWhatHappensIsHandedOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &linktest.Server{Answer: func(_ admin.Request, say func(any) error) error {
			say(&admin.Event{Event: admin.EventWatching})
			time.Sleep(time.Hour)
			return say(&admin.Event{Event: admin.EventGone, Reason: admin.ReasonUpgraded})
		}}
		var got []admin.EventKind
		err := New(server.Dial).Watch(t.Context(), func(e *admin.Event) { got = append(got, e.Event) })
		var unheard *Error
		if !errors.As(err, &unheard) || unheard.Silent || len(got) != 2 || got[1] != admin.EventGone {
			t.Errorf("heard %v, %v", got, err)
		}
		if asked := server.Asked(admin.KindEvents); len(asked) != 1 || asked[0].Text != "progress" {
			t.Errorf("the server was asked %+v", asked)
		}
		begun := time.Now()
		err = New(answering(time.Hour).Dial).Watch(t.Context(), func(*admin.Event) {})
		if !errors.As(err, &unheard) || !unheard.Silent || time.Since(begun) != AnswersWithin {
			t.Errorf("a server that says nothing, after %v: %v", time.Since(begun), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		if err := New(server.Dial).Watch(ctx, func(*admin.Event) {}); !errors.Is(err, context.Canceled) {
			t.Errorf("who leaves: %v", err)
		}
		time.Sleep(2 * time.Hour) // until the servers have given up, too
	})
}

func Example() {
	server := &linktest.Server{Answer: func(_ admin.Request, say func(any) error) error {
		return say(&admin.Status{State: "serving", Active: 3})
	}}
	l := New(server.Dial)
	status, err := l.Status(context.Background())
	fmt.Println(status.State, status.Active, err)
	// Output: serving 3 <nil>
}
