package desk

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/admin"
)

// How many clients there are at once, and how many of them may only look: those
// can't keep out who may change something.
const (
	maxClients   = 16
	maxOnlookers = 8
)

// Config is what a Desk needs to know of its server.
type Config struct {
	Program string
	Group   int // whose members may do more than look; -1: there is none

	// Answer does what a client asks; say hands over an item of the answer, and done
	// is closed when there is nothing more to wait for. Each client has a goroutine.
	Answer func(r admin.Request, say func(item any) error, done <-chan struct{}) error
	// OnChange and OnLost hear, on any goroutine, of a request that is for those who
	// may change something and what came of it, and of a client that did not read.
	OnChange func(uid, pid int, r admin.Request, err error)
	OnLost   func(uid, pid int)
}

// Desk serves operators: the clients of Sockets, and helpers.
type Desk struct {
	Config
	pace    pace
	done    chan struct{} // closed: nobody is served any more
	clients sync.WaitGroup
	lost    atomic.Uint64

	mu        sync.Mutex
	ways      map[*os.File]bool // in
	open      map[*client]bool
	onlookers int
	watching  map[*client]bool
	watched   atomic.Bool // somebody is watching
	closed    bool
}

// New returns a Desk that nobody can come to yet.
func New(c Config) *Desk {
	return &Desk{
		Config: c, done: make(chan struct{}), ways: make(map[*os.File]bool),
		open: make(map[*client]bool), watching: make(map[*client]bool),
	}
}

// Serve begins to accept. The socket stays the caller's, and is used by the Desk
// until Close returns.
func (d *Desk) Serve(s *Socket) error {
	fd, err := unix.FcntlInt(uintptr(s.FD), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	d.attend(fd, func(listener int) (int, error) {
		fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		return fd, err
	}, func(who peer) bool { return who.mayChange(os.Getuid(), d.Group) })
	return nil
}

// Admit begins to let in who comes through an ipc.Door, of which it is given the
// supervisor's end. They all may change something, or none.
func (d *Desk) Admit(door int, may bool) {
	d.attend(door, ipc.Entered, func(peer) bool { return may })
}

// attend has a goroutine welcome whom next returns, until that returns io.EOF or the
// Desk is closed. The descriptor, which does not block, is the goroutine's.
func (d *Desk) attend(fd int, next func(fd int) (int, error), may func(peer) bool) {
	way := os.NewFile(uintptr(fd), "way in")
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		way.Close()
		return
	}
	d.ways[way] = true
	d.clients.Go(func() {
		d.accept(way, next, may)
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.ways, way)
		way.Close()
	})
}

func (d *Desk) accept(way *os.File, next func(fd int) (int, error), may func(peer) bool) {
	raw, err := way.SyscallConn()
	if err != nil {
		return
	}
	for {
		fd := -1
		var failed error
		err := raw.Read(func(way uintptr) bool {
			fd, failed = next(int(way))
			return !errors.Is(failed, unix.EAGAIN)
		})
		if err != nil || errors.Is(failed, io.EOF) {
			return // Close, or the helper's end
		}
		// Descriptors may have run out: then this is how often it is tried again.
		d.pace.wait(d.done)
		if failed != nil {
			continue
		}
		d.welcome(fd, may)
	}
}

func (d *Desk) welcome(fd int, may func(peer) bool) {
	who, err := peerOf(fd)
	if err != nil {
		unix.Close(fd)
		return
	}
	conn, err := newConn(fd)
	if err != nil {
		return
	}
	c := &client{desk: d, conn: conn, peer: who, may: may(who)}
	busy := !d.enter(c)
	d.clients.Go(func() {
		defer conn.Close()
		if busy {
			c.refuse()
			return
		}
		defer d.leave(c)
		c.serve()
	})
}

// enter says whether there is room for a client.
func (d *Desk) enter(c *client) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.open) >= maxClients || !c.may && d.onlookers >= maxOnlookers {
		return false
	}
	d.open[c] = true
	if !c.may {
		d.onlookers++
	}
	return true
}

func (d *Desk) leave(c *client) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, c)
	if !c.may {
		d.onlookers--
	}
}

// Clients is how many are connected.
func (d *Desk) Clients() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.open)
}

// Lost is how many clients were cut off because they did not read.
func (d *Desk) Lost() uint64 { return d.lost.Load() }

// closeWithin is what clients have to take what is left.
const closeWithin = time.Second

// Close tells who is watching the last thing that has happened, and has everybody
// leave. It waits for them, but not long.
func (d *Desk) Close(last func() *admin.Event) {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return
	}
	d.closed = true
	close(d.done)
	for way := range d.ways {
		way.SetReadDeadline(time.Now())
	}
	for c := range d.watching {
		c.tell(last)
		d.dismiss(c)
	}
	for c := range d.open {
		c.conn.SetReadDeadline(time.Now())
		c.conn.SetWriteDeadline(time.Now().Add(closeWithin))
	}
	d.mu.Unlock()
	left := make(chan struct{})
	go func() {
		d.clients.Wait()
		close(left)
	}()
	select {
	case <-left:
	case <-time.After(closeWithin + closeWithin/10):
	}
}
