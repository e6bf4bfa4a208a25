package origin

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"brood/ipc/fetch"
)

func hexOf(sum string) string { return hex.EncodeToString([]byte(sum)) }

func fromHex(text string) string {
	sum, _ := hex.DecodeString(text)
	return string(sum)
}

// revalidateWithin is how long an origin has to say whether a file is still the same,
// before the copy that there is counts as the better answer.
const revalidateWithin = 2 * time.Second

// failedFor is for how long an origin is not asked again for a file that it failed
// to give.
const failedFor = time.Second

// answer is one of an origin's, whose content may be still on its way.
type answer struct {
	*http.Response
	cancel context.CancelCauseFunc
}

func (a *answer) close() {
	a.cancel(nil)
	a.Body.Close()
}

// request asks an origin and returns the beginning of its answer.
func (c *cache) request(ctx context.Context, p *place, path string, h http.Header, within time.Duration) (*answer, error) {
	select {
	case c.asks <- struct{}{}:
		defer func() { <-c.asks }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(within, func() { cancel(fmt.Errorf("no answer within %v", within)) })
	resp, err := p.get(ctx, path, h)
	if !late.Stop() || err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		if resp != nil {
			resp.Body.Close()
		}
		cancel(nil)
		return nil, err
	}
	return &answer{resp, cancel}, nil
}

// ask asks the origin for an entry: whether what there is still is the same, for the
// rest of what has come in part, or for all of it.
func (c *cache) ask(ctx context.Context, f *flight, e *entry, p *place) (*body, error) {
	c.mu.Lock()
	have, part := e.body, e.record
	if have != nil && have.failed() {
		have = nil
	}
	if have != nil || part != nil && part.Whole {
		part = nil
	}
	c.mu.Unlock()
	for {
		h, within := http.Header{}, 2*p.Timeout // to connect, and to answer
		from := int64(0)
		switch {
		case have != nil:
			have.version.unchanged(h)
			if p.StaleIfError > 0 {
				within = revalidateWithin
			}
		case part != nil:
			info, err := os.Stat(filepath.Join(c.dir, part.File))
			if err != nil || info.Size() == 0 || !resumes(h, part.Version, info.Size(), p.pinned[e.path]) {
				c.scrap(e)
				part = nil
				continue
			}
			from = info.Size()
		}
		a, err := c.request(ctx, p, e.path, h, within)
		if err != nil {
			return c.failing(e, p, have, err)
		}
		switch s := a.StatusCode; {
		case s == http.StatusNotModified && have != nil:
			a.close()
			return have, c.validated(e, have)
		case s == http.StatusOK:
			if part != nil {
				c.scrap(e)
			}
			return c.begin(ctx, f, e, p, a)
		case s == http.StatusPartialContent && part != nil && part.Version.same(versionOf(a.Header)) && continues(a, from, part.Size):
			return c.resume(ctx, f, e, p, a, from)
		case part != nil && (s == http.StatusPartialContent || s == http.StatusRequestedRangeNotSatisfiable):
			a.close()
			c.scrap(e) // it is of another version
			part = nil
		default:
			a.close()
			return c.refuse(e, p, have, a)
		}
	}
}

// resumes asks for what comes after the first bytes of a version. Where nothing but a
// digest could tell that the rest is another's, that has to do.
func resumes(h http.Header, v version, from int64, pin string) bool {
	tag := v.resumable()
	if tag != "" {
		h["If-Range"] = []string{tag}
	}
	h["Range"] = []string{fmt.Sprintf("bytes=%d-", from)}
	return tag != "" || pin != ""
}

// continues says whether an answer's content begins where it should (RFC 9110
// §14.4), and is of a file of the right length.
func continues(a *answer, from, size int64) bool {
	var first, last, all int64
	n, err := fmt.Sscanf(a.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &all)
	return err == nil && n == 3 && first == from && last == all-1 && all > from && (size < 0 || all == size)
}

// failing is for an origin that could not be asked, or fails itself.
func (c *cache) failing(e *entry, p *place, have *body, err error) (*body, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if have != nil && now.Before(e.validated.Add(p.StaleIfError)) {
		e.staleUntil = now.Add(staleFor)
		return have, nil
	}
	if !errors.Is(err, context.Canceled) {
		c.remember(e.id, missing{now.Add(failedFor), err})
	}
	return nil, err
}

// refuse is for an answer that is no content.
func (c *cache) refuse(e *entry, p *place, have *body, a *answer) (*body, error) {
	reason := "the origin says " + a.Status
	switch a.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		return c.none(e, p, refused(fetch.CauseNotFound, reason))
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return c.none(e, p, refused(fetch.CauseForbidden, reason))
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return c.failing(e, p, have, errors.New(reason))
	}
	if a.StatusCode < 500 {
		have = nil // it is no failure, and will be no other the next time
	}
	return c.failing(e, p, have, errors.New(reason))
}

// none is for a file that is not there, or not for us; and not any more.
func (c *cache) none(e *entry, p *place, err error) (*body, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(e)
	if p.Negative > 0 {
		c.remember(e.id, missing{time.Now().Add(p.Negative), err})
	}
	return nil, err
}

func (c *cache) validated(e *entry, b *body) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.validated, e.staleUntil = time.Now(), time.Time{}
	if e.record != nil && e.record.Whole {
		r := *e.record
		r.Validated = e.validated
		c.keep(e, &r)
	}
	return b.failure() // it may have turned out to be damaged meanwhile
}

// scrap gives up what has come in part.
func (c *cache) scrap(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.record != nil && !e.record.Whole {
		c.remove(e)
	}
}

// begin takes a file from its start.
func (c *cache) begin(ctx context.Context, f *flight, e *entry, p *place, a *answer) (*body, error) {
	b, err := c.receive(f, e, p, a)
	if err != nil {
		a.close()
		return c.failing(e, p, nil, err)
	}
	go c.download(ctx, e, p, b, a)
	return b, nil
}

func (c *cache) receive(f *flight, e *entry, p *place, a *answer) (*body, error) {
	if enc := a.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, fmt.Errorf("the origin gives it encoded (%s), though asked not to", enc)
	}
	v, pin := versionOf(a.Header), p.pinned[e.path]
	if a.ContentLength < 0 && a.ProtoMajor < 2 && !slices.Contains(a.TransferEncoding, "chunked") && pin == "" {
		return nil, errors.New("the origin tells neither a length nor an end: whether it came whole could not be known; pin its sha256")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.reserve(max(a.ContentLength, 0)); err != nil {
		return nil, err
	}
	file, nameless, err := c.create(e.id)
	if err != nil {
		c.disk(err)
		return nil, err
	}
	b := newBody(file, a.ContentLength)
	b.version, b.incoming, b.stop, b.nameless, b.write = v, true, f.cancel, nameless, c.write
	b.bytes = max(a.ContentLength, 0)
	c.bytes += b.bytes
	e.old, e.body, e.validated, f.used = e.body, b, time.Now(), true
	if e.record == nil && (v.resumable() != "" || pin != "") {
		c.keep(e, &record{Base: p.URL, Path: e.path, File: filepath.Base(b.path), Size: b.size, Version: v})
	}
	return b, nil
}

// resume takes the rest of a file of which there is a part.
func (c *cache) resume(ctx context.Context, f *flight, e *entry, p *place, a *answer, from int64) (*body, error) {
	size := from + a.ContentLength
	b, err := c.goOn(f, e, size, from)
	if err != nil {
		a.close()
		return c.failing(e, p, nil, err)
	}
	go func() {
		if err := b.readThrough(ctx.Err); err != nil || b.reached() != from {
			a.close()
			c.finish(e, p, b, &final{fmt.Errorf("what had come of it can't be read: %d of %d bytes, %v", b.reached(), from, err)})
			return
		}
		c.download(ctx, e, p, b, a)
	}()
	return b, nil
}

func (c *cache) goOn(f *flight, e *entry, size, from int64) (*body, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.record == nil {
		return nil, errors.New("what had come of it was evicted")
	}
	if err := c.reserve(size - from); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(c.dir, e.record.File), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	b := newBody(file, size)
	b.version, b.incoming, b.stop, b.bytes, b.write = e.record.Version, true, f.cancel, size, c.write
	c.bytes += size - from
	e.body, e.validated, f.used = b, time.Now(), true
	return b, nil
}

// reserve makes room for so many bytes.
func (c *cache) reserve(n int64) error {
	switch {
	case n > c.max:
		return fmt.Errorf("%d bytes are more than the cache may hold, %d", n, c.max)
	case !c.evict(n):
		return fmt.Errorf("no room for %d bytes: the cache, of %d, is full of what is being served", n, c.max)
	}
	return nil
}
