package origin

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"brood/ipc/fetch"
	"brood/worker/origin"
)

// flight is a question to an origin under way, for all who want to know.
type flight struct {
	done    chan struct{}
	waiters int // of the cache, under its lock
	cancel  context.CancelFunc
	used    bool // by a download, which ends it
	body    *body
	err     error
}

// How long a file comes in still that nobody wants any more: a client that asked for
// its size asks for the file next, and one that gave up asks again.
const linger = 30 * time.Second

// staleFor is for how long an origin that could not be asked about a file is not
// asked about it again, while an older copy is served.
const staleFor = 10 * time.Second

// open returns what a name stands for, whole or growing; it is to be released. It
// waits for the origin's answer until ctx ends.
func (c *cache) open(ctx context.Context, p *place, name string) (*body, error) {
	path, err := origin.Path(name)
	if err != nil {
		return nil, refused(fetch.CauseForbidden, err.Error())
	}
	id := idOf(p.URL, path)
	for {
		b, err := c.try(ctx, p, id, path)
		// Who asked before may have gone, and the question with them.
		if !errors.Is(err, context.Canceled) || ctx.Err() != nil || c.ctx.Err() != nil {
			return b, err
		}
	}
}

func (c *cache) try(ctx context.Context, p *place, id, path string) (*body, error) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if m, ok := c.missing[id]; ok {
		if now.Before(m.until) {
			return nil, m.err
		}
		delete(c.missing, id)
	}
	e := c.entries[id]
	if e == nil {
		e = &entry{id: id, path: path}
		c.entries[id] = e
	}
	c.adopt(e, p)
	if e.flight == nil && e.current(p, now) {
		e.body.users++
		c.touch(e, now)
		return e.body, nil
	}
	if e.flight == nil {
		c.launch(e, p)
	}
	f := e.flight
	f.waiters++
	c.mu.Unlock()
	select {
	case <-f.done:
	case <-ctx.Done():
	}
	c.mu.Lock()
	select {
	case <-f.done:
		return f.body, f.err // our use of it was counted; see land
	default:
	}
	if f.waiters--; f.waiters == 0 {
		f.cancel()
	}
	return nil, ctx.Err()
}

// current says whether what there is can be given without asking the origin.
func (e *entry) current(p *place, now time.Time) bool {
	b := e.body
	if b == nil || b.failed() {
		return false
	}
	return b.incoming && b.growing() || p.pinned[e.path] != "" || now.Before(e.validated.Add(p.Fresh)) || now.Before(e.staleUntil)
}

func (c *cache) launch(e *entry, p *place) {
	ctx, cancel := context.WithCancel(c.ctx)
	f := &flight{done: make(chan struct{}), cancel: cancel}
	e.flight = f
	go func() {
		b, err := c.ask(ctx, f, e, p)
		c.land(f, e, b, err)
	}()
}

// land gives everybody who waited what came of it.
func (c *cache) land(f *flight, e *entry, b *body, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(f.done)
	f.body, f.err, e.flight = b, err, nil
	if !f.used {
		f.cancel()
	}
	if err != nil {
		if e.body == nil && e.record == nil {
			delete(c.entries, e.id)
		}
		return
	}
	b.users += f.waiters
	c.touch(e, time.Now())
	if f.waiters == 0 {
		c.linger(b)
	}
}

// release gives back what open returned.
func (c *cache) release(b *body) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b.users--; b.users > 0 {
		return
	}
	c.settle(b)
	if !b.dropped {
		c.linger(b)
	}
}

// settle frees the room of what nobody has, and nobody will have any more.
func (c *cache) settle(b *body) {
	if b.dropped && b.users == 0 {
		c.bytes -= b.bytes
		b.bytes = 0
	}
}

// lost is for a body whose file is not there any more: somebody has removed it.
func (c *cache) lost(b *body) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		if e.body == b {
			c.remove(e)
		}
	}
}

func (c *cache) linger(b *body) {
	if !b.incoming || !b.growing() {
		return
	}
	time.AfterFunc(linger, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if b.users == 0 {
			b.stop()
		}
	})
}

// stopIdle ends a download that nobody waits for, because somebody waits for another.
func (c *cache) stopIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		if b := e.body; b != nil && b.incoming && b.users == 0 && e.flight == nil && b.growing() {
			b.stop()
			return
		}
	}
}

// adopt makes a body of what an earlier process has left. It is read through before
// it counts as whole.
func (c *cache) adopt(e *entry, p *place) {
	if e.body != nil || e.record == nil || !e.record.Whole || e.flight != nil {
		return
	}
	r := e.record
	if pin := p.pinned[e.path]; pin != "" && r.SHA256 != hexOf(pin) {
		c.remove(e)
		return
	}
	file, err := os.Open(filepath.Join(c.dir, r.File))
	if err != nil {
		c.remove(e)
		return
	}
	b := newBody(file, r.Size)
	b.version, b.bytes = r.Version, r.Size
	e.body, e.validated = b, r.Validated
	go func() {
		err := b.readThrough(c.ctx.Err)
		if err == nil {
			_, err = b.complete(fromHex(r.SHA256))
		}
		if err == nil {
			b.shut()
			return
		}
		b.fail(err)
		if c.ctx.Err() != nil {
			return
		}
		c.log("a file of the cache is damaged, and was removed: %s of %s: %v", r.Path, r.Base, err)
		c.mu.Lock()
		defer c.mu.Unlock()
		if e.body == b {
			c.remove(e)
		}
	}()
}
