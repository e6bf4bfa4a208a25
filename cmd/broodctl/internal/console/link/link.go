package link

import (
	"context"
	"fmt"
	"io"
	"time"

	"brood/ipc/admin"
)

// AnswersWithin is how long the server may take to answer, before that counts as none.
const AnswersWithin = 3 * time.Second

// Dial connects to the server's admin socket.
type Dial func(ctx context.Context) (io.ReadWriteCloser, error)

// Link asks one server. It is for any number of goroutines.
type Link struct {
	dial     Dial
	status   shared[*admin.Status]
	sessions shared[[]admin.Session]
	places   chan struct{} // of questions that are not shared
}

// atOnce bounds the connections of such questions: a server has 16 for all.
const atOnce = 3

// New returns a Link. It connects when it is asked.
func New(dial Dial) *Link {
	l := &Link{dial: dial, places: make(chan struct{}, atOnce)}
	l.status.ask = func(ctx context.Context) (*admin.Status, error) {
		all, err := ask[admin.Status](ctx, l, admin.Request{Kind: admin.KindStatus})
		if err == nil && len(all) != 1 {
			err = &Error{Err: fmt.Errorf("the server has %d statuses", len(all))}
		}
		if err != nil {
			return nil, err
		}
		return &all[0], nil
	}
	l.sessions.ask = func(ctx context.Context) ([]admin.Session, error) {
		return ask[admin.Session](ctx, l, admin.Request{Kind: admin.KindSessions})
	}
	return l
}

// Status is how the server is. It is others', too: not to be changed.
func (l *Link) Status(ctx context.Context) (*admin.Status, error) { return l.status.get(ctx) }

// Sessions are those that run or wait. They are others', too: not to be changed.
func (l *Link) Sessions(ctx context.Context) ([]admin.Session, error) { return l.sessions.get(ctx) }

// Do has the server do something, for which it may take so long. What is asked
// afterwards is answered by what came of it.
func (l *Link) Do(ctx context.Context, r admin.Request, within time.Duration) error {
	_, err := alone(ctx, l, within, func(ctx context.Context) (any, error) {
		defer l.status.forget()
		defer l.sessions.forget()
		return ask[any](ctx, l, r)
	})
	return err
}

// alone waits for a place and asks what nobody else wants to know.
func alone[T any](ctx context.Context, l *Link, within time.Duration, ask func(context.Context) (T, error)) (none T, err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	select {
	case l.places <- struct{}{}:
		defer func() { <-l.places }()
		return ask(ctx)
	case <-ctx.Done():
		return none, explained(ctx, ctx.Err())
	}
}

func ask[T any](ctx context.Context, l *Link, r admin.Request) ([]T, error) {
	client, end, err := l.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	all, err := admin.All[T](client, r)
	return all, explained(ctx, err)
}

// connect returns a client until ctx ends or end is called.
func (l *Link) connect(ctx context.Context) (client *admin.Client, end func(), err error) {
	conn, err := l.dial(ctx)
	if err != nil {
		return nil, nil, explained(ctx, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	end = func() {
		stop()
		conn.Close()
	}
	if client, err = admin.NewClient(conn); err != nil {
		end()
		return nil, nil, explained(ctx, err)
	}
	return client, end, nil
}
