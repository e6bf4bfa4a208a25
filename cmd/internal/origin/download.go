package origin

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// maxTries is how often in a row an origin is asked for the rest of a file, or for
// more of it, without another byte to show for it.
const maxTries = 4

// firstPause is the first of the pauses between them.
const firstPause = 200 * time.Millisecond

// final is an error after which what has come is of no use.
type final struct{ error }

func (f *final) Unwrap() error { return f.error }

// download takes an answer's content, and what comes after it breaks off.
func (c *cache) download(ctx context.Context, e *entry, p *place, b *body, a *answer) {
	select {
	case c.slots <- struct{}{}:
	default:
		c.stopIdle()
		select {
		case c.slots <- struct{}{}:
		case <-ctx.Done():
			a.close()
			c.finish(e, p, b, ctx.Err())
			return
		}
	}
	defer func() { <-c.slots }()
	c.finish(e, p, b, c.fill(ctx, e, p, b, a))
}

func (c *cache) fill(ctx context.Context, e *entry, p *place, b *body, a *answer) error {
	for tries := 0; ; {
		before := b.reached()
		err := c.take(b, a, p.Timeout)
		a.close()
		if b.reached() > before {
			tries = 0
		}
		if err == nil || b.reached() == b.size {
			return nil
		}
		h := http.Header{}
		var disk *fs.PathError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &disk):
			return err
		case !resumes(h, b.version, b.reached(), p.pinned[e.path]):
			return &final{fmt.Errorf("it broke off after %d bytes, and its origin gives nothing to resume it by: %w", b.reached(), err)}
		}
		for a = nil; a == nil; {
			if tries++; tries > maxTries {
				return fmt.Errorf("it broke off after %d bytes, and was not to be had again: %w", b.reached(), err)
			}
			select {
			case <-time.After(c.pause << (tries - 1)):
			case <-ctx.Done():
				return ctx.Err()
			}
			if a, err = c.again(ctx, e, p, b, h); err != nil {
				var f *final
				if errors.As(err, &f) {
					return err
				}
			}
		}
	}
}

// again asks for the rest of what has broken off.
func (c *cache) again(ctx context.Context, e *entry, p *place, b *body, h http.Header) (*answer, error) {
	a, err := c.request(ctx, p, e.path, h, 2*p.Timeout)
	if err != nil {
		return nil, err
	}
	switch s := a.StatusCode; {
	case s == http.StatusPartialContent && b.version.same(versionOf(a.Header)) && continues(a, b.reached(), b.size):
		return a, nil
	case s >= 500 || s == http.StatusRequestTimeout || s == http.StatusTooManyRequests:
		err = fmt.Errorf("the origin says %s", a.Status)
	case s == http.StatusOK || s == http.StatusPartialContent || s == http.StatusRequestedRangeNotSatisfiable:
		err = &final{fmt.Errorf("it broke off after %d bytes, and is another file now, or its origin does not resume", b.reached())}
	default:
		err = &final{fmt.Errorf("it broke off after %d bytes, and then the origin says %s", b.reached(), a.Status)}
	}
	a.close()
	return nil, err
}

// take appends what an answer brings to b. A pause of more than timeout breaks it off.
func (c *cache) take(b *body, a *answer, timeout time.Duration) error {
	quiet := time.AfterFunc(timeout, func() { a.cancel(fmt.Errorf("the origin was silent for %v", timeout)) })
	defer quiet.Stop()
	buf := make([]byte, 256<<10)
	for {
		n, err := a.Body.Read(buf)
		quiet.Stop() // the disk's time is not the origin's
		if failed := c.store(b, buf[:n]); failed != nil {
			return failed
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if cause := context.Cause(a.Request.Context()); cause != nil && !errors.Is(cause, context.Canceled) {
				err = cause
			}
			return err
		}
		quiet.Reset(timeout)
	}
}

// store appends to b. A disk that is full gets one chance: the cache gives up what it
// can do without.
func (c *cache) store(b *body, p []byte) error {
	if b.size < 0 {
		if err := c.grow(b, int64(len(p))); err != nil {
			return &final{err}
		}
	}
	n, err := b.Write(p)
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		c.mu.Lock()
		before := c.max
		c.max = c.bytes - makeRoom
		c.evict(0)
		c.max = before
		c.mu.Unlock()
		_, err = b.Write(p[n:])
	}
	return err
}

// makeRoom is how much the cache gives up at once when the disk is full, in bytes.
const makeRoom = 64 << 20

// grow accounts for bytes of a file whose length nobody knew.
func (c *cache) grow(b *body, n int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.reserve(n); err != nil {
		return err
	}
	b.bytes += n
	c.bytes += n
	return nil
}

// finish is for the end of a download, whichever.
func (c *cache) finish(e *entry, p *place, b *body, err error) {
	sum := ""
	if err == nil {
		if sum, err = b.complete(p.pinned[e.path]); err != nil {
			err = &final{err}
		}
	}
	b.stop() // its context
	c.mu.Lock()
	defer c.mu.Unlock()
	var disk *fs.PathError
	if err == nil || errors.As(err, &disk) {
		c.disk(err)
	}
	if err != nil {
		b.fail(err)
		c.broke(e, b, err)
		return
	}
	c.bytes += b.size - b.bytes
	b.bytes = b.size
	if !b.nameless {
		b.shut()
	}
	if e.body != b {
		c.settle(b)
		return
	}
	if old := e.record; old != nil && old.File != filepath.Base(b.path) && e.old == nil {
		c.unlink(e)
	}
	if e.old != nil {
		c.drop(e.old)
		e.old = nil
	}
	c.keep(e, &record{
		Base: p.URL, Path: e.path, File: filepath.Base(b.path), Size: b.size, Whole: true,
		SHA256: hex.EncodeToString([]byte(sum)), Version: b.version, Validated: e.validated,
	})
	if e.record == nil && !c.retired() {
		c.remove(e) // what can't be written down could never be evicted
	}
	c.evict(0)
}

// broke is for a download that failed. What there was before it is there again, and
// what has come stays if it can be resumed.
func (c *cache) broke(e *entry, b *body, err error) {
	if e.body != b {
		c.settle(b) // it was dropped
		return
	}
	e.body, e.old = e.old, nil
	var f *final
	if r := e.record; r != nil && !r.Whole && r.File == filepath.Base(b.path) {
		if !errors.As(err, &f) && b.reached() > 0 {
			c.bytes += b.reached() - b.bytes
			b.bytes, b.dropped = 0, true // it is the record's
			return
		}
		c.forget(e)
	}
	c.drop(b)
	if e.body == nil && e.record == nil && e.flight == nil {
		delete(c.entries, e.id)
	}
}
