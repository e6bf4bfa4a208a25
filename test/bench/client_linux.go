package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// plan is what a client does in one round.
type plan struct {
	want
	steps   []want        // in place of want: what each client asks for in turn, until something fails
	timeout time.Duration // of the client's; zero: one second
	server  netip.AddrPort
	clients int // at once
	// Each client fetches again and again until repeat has passed, and once at
	// least.
	repeat time.Duration
	// abort, if not zero, ends what still runs that long after the beginning.
	abort time.Duration
	// timed: abort is the measurement's length, not a failure.
	timed bool
	// pause is the time between a client's sessions. Many clients begin one after
	// the other within the first.
	pause time.Duration
	// apart gives each client an address of its own, from 127.1.0.1 on.
	apart bool
	// held, if not nil, is called once every client has its first DATA (or
	// abort has passed). No client sends an ACK; all are aborted afterwards.
	held  func()
	check bool // compute the checksum, of one client's content
	// awake: one client looks again and again for as long as awhile before it waits. On
	// another machine it would not be the server that has to wake it.
	awake bool
}

// awhile is longer than a server takes from an ACK to its next window.
const awhile = time.Millisecond

// fetched is what came of it.
type fetched struct {
	sessions int // that ended as they should
	failed   int
	why      error // of one that failed
	bytes    int64
	elapsed  time.Duration
	ttfd     []time.Duration // from RRQ to first DATA, or to ERROR where that is expected
	took     []time.Duration // from RRQ to the session's end, however it ended
	retries  int
	goodput  float64 // bytes a second from the OACK on, summed over the clients
	terms    protocol.Terms
	crc      uint32
	cpu      time.Duration // of the client's thread, less what it took to stay awake
}

// errNone is why a round without a single session is no result.
var errNone = errors.New("no session was served")

// run carries the plan out on the calling goroutine, which must have its thread
// for itself: the thread's CPU time is the client's cost.
func (p plan) run(ctx context.Context) (*fetched, error) {
	f := &fetched{}
	before := threadCPU()
	err := p.drive(ctx, f)
	f.cpu += threadCPU() - before
	if err == nil && f.sessions == 0 && p.abort == 0 {
		err = errNone
		if f.why != nil {
			err = fmt.Errorf("%w: %w", errNone, f.why)
		}
	}
	return f, err
}

func threadCPU() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// silence is longer than any round trip that is simulated.
const silence = 50 * time.Millisecond

type client struct {
	plan
	rrqs     [][]byte // of steps
	in       *batch
	epoll    int // -1: one client, blocking
	slots    []*session
	started  time.Time
	out      *fetched
	live     int
	waiting  int // for their first DATA
	nextScan time.Time
}

func (p plan) drive(ctx context.Context, f *fetched) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := &client{plan: p, epoll: -1, out: f, slots: make([]*session, p.clients)}
	if len(p.steps) == 0 {
		c.steps = []want{p.want}
	}
	window, block := 1, 1024
	for _, w := range c.steps {
		c.rrqs = append(c.rrqs, protocol.Request{Op: protocol.OpRRQ, File: w.file, Mode: protocol.Octet, Options: w.options()}.Append(nil))
		window, block = max(window, w.windowsize), max(block, w.blksize)
	}
	c.in = newBatch(min(window, 64), block+8)
	if p.clients > 1 {
		fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		c.epoll = fd
	}
	defer c.closeAll()
	for i := range c.slots {
		if err := c.open(i, 0); err != nil {
			return err
		}
	}
	c.started = time.Now()
	c.live, c.waiting = p.clients, p.clients
	for i, s := range c.slots {
		now := time.Now()
		if c.pause > 0 && c.epoll >= 0 {
			s.wake = now.Add(c.pause * time.Duration(i) / time.Duration(len(c.slots)))
			continue
		}
		s.start(now)
		// A client would be served while others still ask.
		if i%64 == 63 {
			if err := c.poll(0); err != nil {
				return err
			}
		}
	}
	for c.live > 0 {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := c.turn(); err != nil {
			return err
		}
		now := time.Now()
		if p.held != nil && c.waiting == 0 || p.abort > 0 && now.Sub(c.started) > p.abort {
			if p.held != nil {
				p.held()
			}
			break
		}
	}
	f.elapsed = time.Since(c.started)
	return nil
}

func (c *client) open(i, step int) error {
	s, err := openSession(c.server, c.rrqs[step], c.steps[step], cmp.Or(c.timeout, time.Second), c.epoll < 0)
	if err != nil {
		return err
	}
	s.step = step
	s.hold, s.check = c.held != nil, c.check
	c.slots[i] = s
	if c.apart {
		if err := unix.Bind(s.fd, &unix.SockaddrInet4{Addr: [4]byte{127, 1, byte(i / 250), byte(i%250 + 1)}}); err != nil {
			return err
		}
	}
	if c.epoll < 0 {
		return nil
	}
	return unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, s.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)})
}

// turn waits for packets or a few milliseconds and deals with what came.
func (c *client) turn() error {
	if c.epoll < 0 {
		// One client waits in the receiving call itself: in lock-step another one
		// before it would show in every server's figures.
		n, errno := 0, unix.EAGAIN
		if c.awake {
			n, errno = c.watch(c.slots[0].fd)
		}
		if errno == unix.EAGAIN {
			n, errno = c.in.receive(c.slots[0].fd, unix.MSG_WAITFORONE)
		}
		if err := c.received(0, n, errno); err != nil {
			return err
		}
	} else if err := c.poll(5); err != nil {
		return err
	}
	now := time.Now()
	if now.Before(c.nextScan) {
		return nil
	}
	c.nextScan = now.Add(5 * time.Millisecond)
	for i, s := range c.slots {
		if !s.done && !s.wake.IsZero() && !now.Before(s.wake) {
			if s.sent.IsZero() {
				s.start(now)
				continue
			}
			s.expire(now)
			if err := c.after(i, now); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *client) poll(ms int) error {
	var events [64]unix.EpollEvent
	n, errno := rawEpollWait(c.epoll, events[:], ms)
	if errno != 0 && errno != unix.EINTR {
		return errno
	}
	for i := range max(n, 0) {
		if errno != 0 {
			break
		}
		if err := c.receive(int(events[i].Fd), unix.MSG_DONTWAIT); err != nil {
			return err
		}
	}
	return nil
}

// watch receives without waiting, until there is something or awhile has passed.
func (c *client) watch(fd int) (n int, errno unix.Errno) {
	began := time.Now()
	for last := began; ; last = time.Now() {
		n, errno = c.in.receive(fd, unix.MSG_DONTWAIT)
		if errno != unix.EAGAIN || last.Sub(began) > awhile {
			c.out.cpu -= last.Sub(began) // by the clock: the thread had a CPU all the while, or nearly
			return n, errno
		}
	}
}

func (c *client) receive(slot, flags int) error {
	n, errno := c.in.receive(c.slots[slot].fd, flags)
	return c.received(slot, n, errno)
}

// received deals with what a receiving call has brought.
func (c *client) received(slot, n int, errno unix.Errno) error {
	s := c.slots[slot]
	now := time.Now()
	switch errno {
	case 0:
		waiting := s.first.IsZero()
		for i := range n {
			s.packet(now, c.in.packet(i), c.in, i)
		}
		if waiting && !s.first.IsZero() {
			c.waiting--
		}
	case unix.EAGAIN, unix.EINTR:
		return nil
	case unix.ECONNREFUSED:
		s.unreachable(now)
	default:
		s.fail(now, errno)
	}
	return c.after(slot, now)
}

// after starts the slot's next session when one is over.
func (c *client) after(i int, now time.Time) error {
	s := c.slots[i]
	if !s.done {
		return nil
	}
	c.count(s)
	s.close(now)
	next := (s.step + 1) % len(c.steps)
	if next == 0 && now.Sub(c.started) >= c.repeat || len(c.steps) > 1 && s.err != nil && !s.refused() {
		c.live--
		return nil
	}
	if c.pause > 0 && c.epoll < 0 {
		time.Sleep(c.pause)
	}
	if err := c.open(i, next); err != nil {
		return err
	}
	c.waiting++
	if c.pause > 0 && c.epoll >= 0 {
		c.slots[i].wake = now.Add(c.pause)
		return nil
	}
	c.slots[i].start(time.Now())
	return nil
}

func (c *client) count(s *session) {
	f := c.out
	if s.sent.IsZero() {
		return // it was not its turn yet
	}
	f.took = append(f.took, s.ended.Sub(s.sent))
	f.retries += s.retries
	f.bytes += s.bytes
	// A client that is cut off in the middle of a window has been served until its
	// last block; one that had fallen silent, until it was cut off.
	end := s.last
	if s.ended.Sub(end) > silence {
		end = s.ended
	}
	if d := end.Sub(s.agreed); !s.agreed.IsZero() && d > 0 {
		f.goodput += float64(s.bytes) / d.Seconds()
	}
	f.terms, f.crc = s.rx.Terms(), s.crc
	if !s.first.IsZero() {
		f.ttfd = append(f.ttfd, s.first.Sub(s.sent))
	}
	switch {
	case s.err == nil && !s.want.refusal:
		f.sessions++
	case s.refused():
		f.sessions++
		f.ttfd = append(f.ttfd, s.ended.Sub(s.sent))
	case errors.Is(s.err, errAborted) && (c.held != nil || c.timed) && !s.first.IsZero():
		f.sessions++
	default:
		f.failed++
		if !errors.Is(s.err, errAborted) || f.why == nil {
			f.why = s.err
		}
	}
}

func (c *client) closeAll() {
	now := time.Now()
	for _, s := range c.slots {
		if s != nil && !s.done {
			s.close(now)
			c.count(s)
		}
	}
}
