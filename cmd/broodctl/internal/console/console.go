package console

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"time"

	"brood/cmd/broodctl/internal/console/feed"
	"brood/cmd/broodctl/internal/console/link"
	"brood/cmd/broodctl/internal/console/metrics"
)

// Options are what a console needs to know.
type Options struct {
	// Dial connects to the server's admin socket. Required.
	Dial link.Dial
	// Token is what requests that change the server need, 16 to 1024 visible ASCII
	// characters. Without one nothing can be changed.
	Token string
	// Version is the console's own.
	Version string
	// Log gets what an operator should know: a constant message and pairs, on any
	// goroutine, seldom. Nil: nobody wants to know.
	Log func(message string, pairs ...any)
}

// Console answers HTTP requests about one server.
type Console struct {
	link    *link.Link
	keeper  *keeper
	feed    *feed.Feed
	metrics http.Handler
	token   token
	log     *journal
	handler http.Handler
}

// New returns a console. It asks the server when it is asked.
func New(o Options) (*Console, error) {
	if o.Dial == nil {
		return nil, errors.New("console: no Dial: whom is it to ask?")
	}
	secret, err := newToken(o.Token)
	if err != nil {
		return nil, err
	}
	c := &Console{link: link.New(o.Dial), token: secret, log: newJournal(o.Log)}
	c.keeper = newKeeper(c.link.CatchUp)
	c.feed = feed.New(c.link.Watch, c.keeper.heed)
	c.metrics = metrics.New(c.link, metrics.Self{Version: o.Version, Readers: c.feed.Readers, Dropped: c.feed.Dropped})
	c.handler = guarded(c.routes())
	return c, nil
}

// How long clients may take. Answers have a bound each.
const (
	headerWithin = 5 * time.Second
	idleFor      = 30 * time.Second
	closeWithin  = 3 * time.Second
	maxHeader    = 16 << 10 // bytes
)

// Serve answers who connects, until ctx ends. It closes the listener, and returns when
// what was being answered is, or after three seconds.
func (c *Console) Serve(ctx context.Context, l net.Listener) error {
	bounded := bound(l, maxConnections)
	s := &http.Server{
		Handler:           paced(ctx, bounded.handOn(c.handler)),
		ConnState:         bounded.turned,
		ReadHeaderTimeout: headerWithin,
		IdleTimeout:       idleFor,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(c.log, "", 0),
	}
	c.log.say("console listens", "address", l.Addr())
	hearing, deaf := context.WithCancel(ctx)
	defer deaf()
	go c.feed.Run(hearing)
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(bounded) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done(): // readers of events are told
	}
	closing, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	// Not Server.Shutdown: of a connection that is accepted already it would not answer
	// the request. Across an upgrade somebody else accepts what comes from now on.
	bounded.Close()
	<-failed
	s.SetKeepAlivesEnabled(false)
	bounded.drain(closing)
	s.Close() // who is left does not read
	return nil
}
