package feed

import (
	"context"
	"sync"
	"time"

	"brood/ipc/admin"
)

// The feed's own events.
const (
	EventLost admin.EventKind = "lost" // the server can't be heard; Reason
	EventEnd  admin.EventKind = "end"  // the console ends
)

// How long it waits before it tries again to reach a server.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

// Watch hands over what happens until that can't be heard any more; see link.Watch.
type Watch func(ctx context.Context, yield func(*admin.Event)) error

// Feed is one server's. It is for any number of goroutines.
type Feed struct {
	watch Watch
	heed  func(*admin.Event)

	wanted chan struct{} // closed when somebody wants to know
	want   func()

	mu      sync.Mutex
	readers map[*Reader]bool
	latest  *admin.Event // of those that say whether the server is heard; nil at first
	number  uint64       // of messages
	dropped uint64       // readers
	ended   bool
}

// New returns a feed that hears by watch. Heed gets each event before readers do, one
// at a time, and must not wait for anything.
func New(watch Watch, heed func(*admin.Event)) *Feed {
	f := &Feed{watch: watch, heed: heed, wanted: make(chan struct{}), readers: make(map[*Reader]bool)}
	f.want = sync.OnceFunc(func() { close(f.wanted) })
	return f
}

// Want has the feed hear the server from now on, whether there are readers or not.
func (f *Feed) Want() { f.want() }

// Run hears the server, once that is wanted, until ctx ends. Readers are told.
func (f *Feed) Run(ctx context.Context) {
	defer f.end()
	select {
	case <-f.wanted:
	case <-ctx.Done():
		return
	}
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := f.watch(ctx, func(e *admin.Event) {
			if e.Event == admin.EventWatching {
				pause = firstPause
			}
			f.publish(e)
		})
		if ctx.Err() != nil {
			return
		}
		f.lose(err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// lose tells that the server can't be heard, unless that is known.
func (f *Feed) lose(err error) {
	f.mu.Lock()
	known := f.latest != nil && f.latest.Event != admin.EventWatching
	f.mu.Unlock()
	if !known {
		f.publish(&admin.Event{Event: EventLost, Time: time.Now(), Reason: err.Error()})
	}
}

// publish tells everybody.
func (f *Feed) publish(e *admin.Event) {
	f.heed(e)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch e.Event {
	case admin.EventWatching, admin.EventGone, EventLost:
		f.latest = e
	}
	f.number++
	var m *Message // made once, if anybody wants it
	for r := range f.readers {
		if e.Event == admin.EventProgress && !r.progress {
			continue
		}
		if m == nil {
			m = message(f.number, e)
		}
		if !r.tell(m) {
			f.dropped++
			delete(f.readers, r)
			r.cut()
		}
	}
}

// end tells readers that nothing more comes.
func (f *Feed) end() {
	f.publish(&admin.Event{Event: EventEnd, Time: time.Now()})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	for r := range f.readers {
		close(r.queue)
		delete(f.readers, r)
	}
}

// Heard says whether the server is, at the moment.
func (f *Feed) Heard() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.latest != nil && f.latest.Event == admin.EventWatching
}

// Readers is how many there are.
func (f *Feed) Readers() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.readers)
}

// Dropped is how many readers were dropped because they did not read.
func (f *Feed) Dropped() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dropped
}
