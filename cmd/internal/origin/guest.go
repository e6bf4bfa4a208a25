package origin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc/fetch"
)

// guest is a worker that asks. It has one file at a time.
type guest struct {
	*Helper
	socket *os.File
	hello  uint32

	id     uint32
	body   *body // what it has been given; nil: nothing
	wants  bool  // more than have
	have   int64
	opened chan opening       // what comes of its question; nil: it has none
	cancel context.CancelFunc // ends that
}

type opening struct {
	body *body
	err  error
}

// How many files a worker may ask for: so many at once, and so many a second. A
// worker that serves one session after the other needs no more, and one that was
// taken over is not to keep the origin busy; it waits.
const (
	asksAtOnce = 100
	askEvery   = 20 * time.Millisecond
)

// attend answers a worker until it ends, or does what it must not.
func (g *guest) attend(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer g.socket.Close() // which ends the reading, too
	defer g.forget()
	if g.say(fetch.Answer{Kind: fetch.AnswerHello, ID: g.hello}, nil) != nil {
		return
	}
	asks := make(chan fetch.Ask)
	go g.read(ctx, asks)
	for {
		changed, err := g.progress()
		if err != nil {
			return
		}
		select {
		case a, ok := <-asks:
			if !ok {
				return
			}
			g.asked(ctx, a)
		case o := <-g.opened:
			err = g.landed(o)
		case <-changed:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// read takes what the worker asks, and no more than it may.
func (g *guest) read(ctx context.Context, asks chan<- fetch.Ask) {
	defer close(asks)
	buf := make([]byte, fetch.MaxMessage+1)
	may := time.Now().Add(-asksAtOnce * askEvery)
	for {
		n, err := g.socket.Read(buf)
		if err != nil {
			return
		}
		a, err := fetch.ParseAsk(buf[:n])
		if err != nil {
			g.log("a worker asks what it must not: %v", err)
			return
		}
		if a.Kind == fetch.AskOpen {
			now := time.Now()
			if earliest := now.Add(-asksAtOnce * askEvery); may.Before(earliest) {
				may = earliest
			}
			if may = may.Add(askEvery); may.After(now) {
				select {
				case <-time.After(may.Sub(now)):
				case <-ctx.Done():
					return
				}
			}
		}
		select {
		case asks <- a:
		case <-ctx.Done():
			return
		}
	}
}

func (g *guest) asked(ctx context.Context, a fetch.Ask) {
	switch {
	case a.Kind == fetch.AskOpen && a.ID == g.id && (g.body != nil || g.opened != nil):
		// It was asked twice, to be sure; once is enough.
	case a.Kind == fetch.AskOpen:
		g.forget()
		g.id = a.ID
		g.open(ctx, a)
	case a.ID != g.id: // of a file that it has no more
	case a.Kind == fetch.AskMore:
		g.wants, g.have = true, a.Have
	case a.Kind == fetch.AskClose:
		g.forget()
	}
}

func (g *guest) open(ctx context.Context, a fetch.Ask) {
	ctx, g.cancel = context.WithCancel(ctx)
	opened := make(chan opening, 1)
	g.opened = opened
	go func() {
		p := g.places[a.Base]
		if p == nil {
			opened <- opening{err: fmt.Errorf("%q is no URL that the helper was configured with", a.Base)}
			return
		}
		b, err := g.cache.open(ctx, p, a.Name)
		opened <- opening{b, err}
	}()
}

// forget gives back what the worker has, and what it has asked for.
func (g *guest) forget() {
	if g.opened != nil {
		g.cancel()
		go func(opened chan opening) {
			if o := <-opened; o.body != nil {
				g.cache.release(o.body)
			}
		}(g.opened)
	}
	if g.body != nil {
		g.cache.release(g.body)
	}
	g.body, g.opened, g.wants, g.have = nil, nil, false, 0
}

// landed gives the worker what it has asked for.
func (g *guest) landed(o opening) error {
	g.cancel()
	g.opened = nil
	if o.err != nil {
		return g.failed(o.err)
	}
	g.body = o.body
	file, err := o.body.open()
	if err != nil {
		if failed := o.body.failure(); failed != nil {
			err = failed // so it was removed
		} else {
			g.cache.lost(o.body)
		}
		return g.failed(err)
	}
	defer file.Close()
	there, whole, _, err := o.body.state()
	if err != nil {
		return g.failed(err)
	}
	return g.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: g.id, Size: o.body.length(), There: there, Whole: whole}, file)
}

// failed tells the worker why it gets nothing, or nothing more.
func (g *guest) failed(err error) error {
	answer := fetch.Answer{Kind: fetch.AnswerFailed, ID: g.id, Reason: err.Error()}
	var r *refusal
	if errors.As(err, &r) {
		answer.Cause = r.cause
	}
	g.forget()
	return g.say(answer, nil)
}

// progress tells the worker what it waits for, or returns what will be closed when
// there may be something to tell.
func (g *guest) progress() (<-chan struct{}, error) {
	if g.body == nil || !g.wants {
		return nil, nil
	}
	there, whole, changed, err := g.body.state()
	switch {
	case err != nil:
		return nil, g.failed(err)
	case whole:
		g.wants = false
		return nil, g.say(fetch.Answer{Kind: fetch.AnswerWhole, ID: g.id, Size: there, There: there, Whole: true}, nil)
	case there > g.have:
		g.wants = false
		return nil, g.say(fetch.Answer{Kind: fetch.AnswerGrown, ID: g.id, Size: -1, There: there}, nil)
	}
	return changed, nil
}

// errDeaf is for a worker that does not read its answers.
var errDeaf = errors.New("the worker does not read")

// say sends an answer. Who has so many unread ones that no more fit gets none.
func (g *guest) say(a fetch.Answer, file *os.File) error {
	conn, err := g.socket.SyscallConn()
	if err != nil {
		return err
	}
	fd := -1
	if file != nil {
		fd = int(file.Fd())
	}
	var failed error
	err = conn.Control(func(socket uintptr) { failed = fetch.SendAnswer(int(socket), a, fd) })
	if errors.Is(failed, unix.EAGAIN) {
		failed = errDeaf
	}
	return errors.Join(err, failed)
}
