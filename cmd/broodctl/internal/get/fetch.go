package get

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync/atomic"
	"time"

	"brood/worker/client"
)

// Fetcher gets one file, once or often.
type Fetcher struct {
	Location *Location
	Servers  []netip.AddrPort // tried in turn until one answers
	Settings Settings
	Check    Digest       // nil: unchecked
	Note     func(string) // is told what the user may want to know; may be called at once by many

	answered atomic.Int32 // which of them did last
}

// Session is one attempt and what came of it.
type Session struct {
	client.Result
	Server netip.AddrPort
	Total  time.Duration
	Err    *Failure // nil: complete, and checked
}

// Fetch gets the file into w. OnAnswer is called when a server has answered.
func (f *Fetcher) Fetch(ctx context.Context, w io.Writer, onAnswer func(*client.Result)) *Session {
	c := f.Settings.client()
	c.OnAnswer = onAnswer
	begun := time.Now()
	var s *Session
	for i := int(f.answered.Load()); i < len(f.Servers); i++ {
		s = f.fetch(ctx, &c, f.Servers[i], w)
		if s.Err == nil || s.TID.IsValid() || s.Err.Code != ExitNoAnswer {
			f.answered.Store(int32(i))
			break
		}
		if i+1 < len(f.Servers) {
			f.Note(fmt.Sprintf("%v; trying %v", s.Err, f.Servers[i+1]))
		}
	}
	s.Total = time.Since(begun)
	return s
}

func (f *Fetcher) fetch(ctx context.Context, c *client.Client, server netip.AddrPort, w io.Writer) *Session {
	s := &Session{Server: server}
	checked := f.Check.checking(w)
	r, err := c.Get(ctx, server, f.Location.File, checked)
	if r != nil {
		s.Result = *r
	}
	if err != nil {
		s.Err = failure(f.Location, server, &s.Result, err)
		return s
	}
	err = checked.verify(f.Location)
	if s.Size > 0 && s.Size != s.Bytes && err == nil {
		err = &Failure{"wrong size", ExitCheck, fmt.Errorf("%v from %v: the server said that it has %d bytes, and sent %d", f.Location, server, s.Size, s.Bytes)}
	}
	errors.As(err, &s.Err)
	return s
}
