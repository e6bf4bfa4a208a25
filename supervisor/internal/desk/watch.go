package desk

import (
	"time"

	"brood/ipc/admin"
)

// queueLen is how much may have happened that a client has not taken yet.
const queueLen = 1024

// Watched says whether anybody wants to know what happens.
func (d *Desk) Watched() bool { return d != nil && d.watched.Load() }

// Publish tells everybody who is watching. It never waits: who has not taken the
// last 1024 things is cut off. The event is made when it is sent, on another
// goroutine and once for each client.
func (d *Desk) Publish(progress bool, event func() *admin.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.watching {
		if progress && !c.progress {
			continue
		}
		if !c.tell(event) {
			c.slow.Store(true)
			d.dismiss(c)
		}
	}
}

// dismiss has a client take what is queued, and leave. The caller has the lock.
func (d *Desk) dismiss(c *client) {
	close(c.queue)
	delete(d.watching, c)
	d.watched.Store(len(d.watching) > 0)
}

// admitWatcher begins to queue what happens.
func (d *Desk) admitWatcher(c *client) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	c.queue = make(chan func() *admin.Event, queueLen)
	d.watching[c] = true
	d.watched.Store(true)
	return true
}

func (d *Desk) dropWatcher(c *client) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.watching[c] {
		d.dismiss(c)
	}
}

// tell queues an event, if there is room.
func (c *client) tell(event func() *admin.Event) bool {
	select {
	case c.queue <- event:
		return true
	default:
		return false
	}
}

// watch sends what happens until the client leaves or is made to.
func (c *client) watch(r admin.Request) error {
	c.progress = r.Text == "progress"
	if !c.desk.admitWatcher(c) {
		return ending
	}
	// Nothing more is to be said: what comes is the end.
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		c.conn.Read(make([]byte, 1))
		c.desk.dropWatcher(c)
	}()
	defer func() {
		c.desk.dropWatcher(c)
		c.conn.SetReadDeadline(past)
		<-gone
	}()
	if err := c.say(r.ID, &admin.Event{Event: admin.EventWatching, Time: time.Now()}); err != nil {
		return err
	}
	if err := c.flush(); err != nil {
		return err
	}
	for event := range c.queue {
		if err := c.say(r.ID, event()); err != nil {
			return err
		}
		if len(c.queue) == 0 {
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
	if c.slow.Load() {
		return tooSlow
	}
	return nil
}
