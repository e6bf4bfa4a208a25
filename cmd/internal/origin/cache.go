package origin

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// cache holds the files.
type cache struct {
	ctx   context.Context // of all downloads
	write func(f *os.File, p []byte, at int64) (int, error)
	pause time.Duration // the first between two tries; each is twice the one before
	dir   string
	max   int64
	log   func(format string, args ...any)
	slots chan struct{} // one for each file that comes in
	asks  chan struct{} // one for each request whose answer has not begun

	mu      sync.Mutex
	lock    *os.File // of dir; nil once retired
	entries map[string]*entry
	recent  *list.List // of entries with a record, the last used first
	bytes   int64      // on disk, and promised to what is coming
	missing map[string]missing
	bad     bool // the disk does not take what is written
	serial  uint64
}

// entry is a file of an origin.
type entry struct {
	id, path string
	record   *record // of what is on disk; nil: nothing is
	body     *body   // what is given to who asks; nil: record has not been looked at, or there is none
	flight   *flight // the origin is being asked; nil: it is not
	at       *list.Element
	used     time.Time // when that was last written down

	old        *body     // that body is to replace, when it is whole
	validated  time.Time // when the origin last said that body is the one
	staleUntil time.Time // until then it is not asked again
}

// missing is a file that its origin did not have, or not for us.
type missing struct {
	until time.Time
	err   error
}

// maxMissing bounds how many such are remembered.
const maxMissing = 4096

// maxAsks bounds how many requests wait for their answer at once.
const maxAsks = 64

// lockPatience is how long the process that had the directory before has to leave it.
const lockPatience = 10 * time.Second

func openCache(ctx context.Context, s Settings, log func(string, ...any)) (*cache, error) {
	c := &cache{
		ctx: ctx, write: (*os.File).WriteAt, pause: firstPause, dir: s.Dir, max: s.MaxSize, log: log,
		slots: make(chan struct{}, s.Downloads), asks: make(chan struct{}, maxAsks),
		entries: make(map[string]*entry), recent: list.New(), missing: make(map[string]missing),
	}
	var err error
	if c.lock, err = lock(ctx, s.Dir); err != nil {
		return nil, fmt.Errorf("the cache's directory: %w", err)
	}
	records, used, err := readRecords(s.Dir)
	if err != nil {
		c.lock.Close()
		return nil, fmt.Errorf("the cache's directory: %w", err)
	}
	for id, r := range records {
		e := &entry{id: id, path: r.Path, record: r, used: used[id]}
		c.entries[id] = e
		c.bytes += e.onDisk(c.dir)
	}
	ids := make([]string, 0, len(records))
	for id := range records {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(used[b].Compare(used[a]), cmp.Compare(a, b)) })
	for _, id := range ids {
		c.entries[id].at = c.recent.PushBack(c.entries[id])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.evict(0) // it may have been allowed more
	return c, nil
}

func lock(ctx context.Context, dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	again := time.NewTicker(20 * time.Millisecond) // nothing tells of its end
	defer again.Stop()
	for end := time.Now().Add(lockPatience); ; {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) || time.Now().After(end) {
			f.Close()
			return nil, fmt.Errorf("%s: %w: does another process use it?", f.Name(), err)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		}
	}
}

// onDisk is how long the file is that a record is of.
func (e *entry) onDisk(dir string) int64 {
	if e.record == nil {
		return 0
	}
	info, err := os.Lstat(filepath.Join(dir, e.record.File))
	if err != nil {
		return 0
	}
	return info.Size()
}

// retired says whether the directory is another process's by now.
func (c *cache) retired() bool { return c.lock == nil }

// retire leaves the directory to the next process. What is coming in comes in still,
// for those who wait for it, and its file has no name any more.
func (c *cache) retire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retired() {
		return
	}
	for _, e := range c.entries {
		if e.record != nil && !e.record.Whole {
			c.forget(e)
		}
		if b := e.body; b != nil && b.incoming && b.growing() {
			c.unname(b)
		}
	}
	c.lock.Close()
	c.lock = nil
}

// forget removes what is known of an entry, and not the file.
func (c *cache) forget(e *entry) {
	if e.record == nil {
		return
	}
	if !c.retired() {
		os.Remove(filepath.Join(c.dir, e.id+recordSuffix))
	}
	e.record = nil
	if e.at != nil {
		c.recent.Remove(e.at)
		e.at = nil
	}
}

// unlink removes the file that an entry's record is of.
func (c *cache) unlink(e *entry) {
	c.bytes -= e.onDisk(c.dir)
	if !c.retired() {
		os.Remove(filepath.Join(c.dir, e.record.File))
	}
}

// remove takes an entry's files and what is known of them away. Who is being served
// from it is served on.
func (c *cache) remove(e *entry) {
	if e.record != nil && (e.body == nil || e.record.File != filepath.Base(e.body.path)) && e.old == nil {
		c.unlink(e)
	}
	for _, b := range []*body{e.body, e.old} {
		if b != nil {
			c.drop(b)
		}
	}
	e.body, e.old = nil, nil
	c.forget(e)
	if e.flight == nil {
		delete(c.entries, e.id)
	}
}

// drop is for a body that nobody else gets. Its room is free when the last that has
// it is gone.
func (c *cache) drop(b *body) {
	if b.dropped {
		return
	}
	b.dropped = true
	if b.growing() && b.stop != nil {
		b.stop()
	}
	c.unname(b)
	c.settle(b)
}

func (c *cache) unname(b *body) {
	if !b.nameless && !c.retired() { // or it is the next process's by now
		os.Remove(b.path)
	}
	b.nameless = true
}

// evict makes room for so many bytes more, if it can: of what nobody is being served
// from, what was not used for longest goes first.
func (c *cache) evict(more int64) bool {
	for at := c.recent.Back(); at != nil && c.bytes+more > c.max; {
		e := at.Value.(*entry)
		at = at.Prev()
		if !c.retired() && e.flight == nil && (e.body == nil || e.body.users == 0 && !e.body.growing()) {
			c.remove(e)
		}
	}
	return c.bytes+more <= c.max
}

// touch notes that an entry is used, on disk once a minute.
func (c *cache) touch(e *entry, now time.Time) {
	if e.at == nil {
		return
	}
	c.recent.MoveToFront(e.at)
	if !c.retired() && now.Sub(e.used) > time.Minute {
		e.used = now
		os.Chtimes(filepath.Join(c.dir, e.id+recordSuffix), now, now)
	}
}

// keep writes down what is known of an entry.
func (c *cache) keep(e *entry, r *record) {
	if c.retired() {
		return
	}
	if err := r.save(c.dir, e.id); err != nil {
		c.disk(err) // after a restart it will be fetched again
		return
	}
	e.record = r
	if e.at == nil {
		e.at = c.recent.PushFront(e)
	}
}

// disk says once that the disk fails, and once that it is over.
func (c *cache) disk(err error) {
	switch {
	case err != nil && !c.bad:
		c.bad = true
		c.log("the cache's disk does not take what is fetched, so it can't be served: %v", err)
	case err == nil && c.bad:
		c.bad = false
		c.log("the cache's disk takes what is fetched again")
	}
}

// create makes the file for a body.
func (c *cache) create(id string) (*os.File, bool, error) {
	c.serial++
	name := filepath.Join(c.dir, fmt.Sprintf("%s.%d-%d", id, time.Now().UnixNano(), c.serial))
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil && c.retired() {
		os.Remove(name)
	}
	return f, c.retired(), err
}

// remember that a file is missing. Where too many are, chance picks who is forgotten.
func (c *cache) remember(id string, m missing) {
	for old, was := range c.missing {
		if len(c.missing) < maxMissing && time.Now().Before(was.until) {
			break
		}
		delete(c.missing, old)
	}
	c.missing[id] = m
}
