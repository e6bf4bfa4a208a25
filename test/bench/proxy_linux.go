package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// path is a stretch of network between clients and server.
type path struct {
	delay time.Duration // each way
	loss  float64       // of the packets, each way
	rate  float64       // towards the clients, bits a second; 0: no limit
	queue int           // packets that wait where rate applies; the rest is dropped
	seed  uint64        // the same losses for each server
}

// ipOverhead is what IPv4 and UDP add to each packet on the slow link.
const ipOverhead = 28

// proxy is the path made of UDP: clients send to its address, and its own sockets
// speak to the server for them, one for each client.
type proxy struct {
	path
	listen  int
	server  unix.RawSockaddrInet4
	in      *batch
	flows   map[netip.AddrPort]*flow
	order   []*flow
	polls   []unix.PollFd
	up      lane
	down    lane
	clear   time.Time   // when the slow link has sent all it was given
	leaving []time.Time // of the packets that wait for it
	free    [][]byte
	rng     *rand.Rand
}

type flow struct {
	fd        int
	client    unix.RawSockaddrInet4
	connected bool
}

// lane is one direction. Delays are constant, so packets leave in their order.
type lane struct{ packets []inFlight }

type inFlight struct {
	due  time.Time
	to   *flow
	data []byte
}

// serve runs the proxy on the calling goroutine until ctx ends. It says on the
// channel where it listens.
func (p path) serve(ctx context.Context, server netip.AddrPort, listening chan<- netip.AddrPort) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(listening)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	x := &proxy{
		path: p, listen: fd, server: rawSockaddr(server), in: newBatch(64, 2048),
		flows: map[netip.AddrPort]*flow{}, rng: rand.New(rand.NewPCG(p.seed, 0)),
		polls: []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}},
	}
	defer x.close()
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: server.Addr().As4()}); err != nil {
		return err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return err
	}
	listening <- netip.AddrPortFrom(server.Addr(), uint16(name.(*unix.SockaddrInet4).Port))
	for ctx.Err() == nil {
		if err := x.turn(); err != nil {
			return err
		}
	}
	return nil
}

// nap is how early the proxy wakes to be in time: the kernel's timers are late by
// that much, and two of them would be in every round trip.
const nap = 100 * time.Microsecond

func (x *proxy) turn() error {
	now := time.Now()
	x.send(&x.up, now, func(m inFlight) {
		if m.to.connected {
			rawWrite(m.to.fd, m.data)
		} else {
			rawSendto(m.to.fd, m.data, &x.server)
		}
	})
	x.send(&x.down, now, func(m inFlight) { rawSendto(x.listen, m.data, &m.to.client) })
	wait := 10 * time.Millisecond
	for _, l := range []*lane{&x.up, &x.down} {
		if len(l.packets) > 0 {
			wait = min(wait, time.Until(l.packets[0].due)-nap)
		}
	}
	timeout := unix.NsecToTimespec(int64(max(wait, 0)))
	n, err := unix.Ppoll(x.polls, &timeout, nil)
	if err != nil {
		if errors.Is(err, unix.EINTR) {
			return nil
		}
		return err
	}
	for i := range x.polls {
		if n == 0 {
			break
		}
		if x.polls[i].Revents == 0 {
			continue
		}
		n--
		if i == 0 {
			err = x.fromClients()
		} else {
			x.fromServer(x.order[i-1])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (x *proxy) send(l *lane, now time.Time, to func(inFlight)) {
	n := 0
	for n < len(l.packets) && !now.Before(l.packets[n].due) {
		to(l.packets[n])
		x.free = append(x.free, l.packets[n].data)
		n++
	}
	if n > 0 {
		l.packets = l.packets[:copy(l.packets, l.packets[n:])]
	}
}

func (x *proxy) put(l *lane, due time.Time, to *flow, data []byte) {
	var b []byte
	if n := len(x.free); n > 0 {
		b, x.free = x.free[n-1], x.free[:n-1]
	} else {
		b = make([]byte, 0, 2048)
	}
	l.packets = append(l.packets, inFlight{due, to, append(b[:0], data...)})
}

func (x *proxy) lose() bool { return x.loss > 0 && x.rng.Float64() < x.loss }

func (x *proxy) fromClients() error {
	for {
		n, errno := x.in.receive(x.listen, unix.MSG_DONTWAIT)
		if errno != 0 || n == 0 {
			return nil
		}
		now := time.Now()
		for i := range n {
			from := x.in.from(i)
			f := x.flows[from]
			if f == nil {
				fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
				if err != nil {
					return err
				}
				unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 2<<20)
				f = &flow{fd: fd, client: rawSockaddr(from)}
				x.flows[from] = f
				x.order = append(x.order, f)
				x.polls = append(x.polls, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
			}
			if !x.lose() {
				x.put(&x.up, now.Add(x.delay), f, x.in.packet(i))
			}
		}
	}
}

func (x *proxy) fromServer(f *flow) {
	for {
		n, errno := x.in.receive(f.fd, unix.MSG_DONTWAIT)
		if errno != 0 || n == 0 {
			return
		}
		now := time.Now()
		for i := range n {
			if !f.connected {
				f.connected = rawConnect(f.fd, rawSockaddr(x.in.from(i))) == 0
			}
			p := x.in.packet(i)
			if x.lose() {
				continue
			}
			leaves, ok := x.link(now, len(p))
			if ok {
				x.put(&x.down, leaves.Add(x.delay), f, p)
			}
		}
	}
}

// link is the bottleneck: when a packet that comes now has been sent, or that the
// queue has no room for it.
func (x *proxy) link(now time.Time, size int) (time.Time, bool) {
	if x.rate == 0 {
		return now, true
	}
	gone := 0
	for gone < len(x.leaving) && !now.Before(x.leaving[gone]) {
		gone++
	}
	x.leaving = x.leaving[:copy(x.leaving, x.leaving[gone:])]
	if len(x.leaving) >= x.queue {
		return time.Time{}, false
	}
	if x.clear.Before(now) {
		x.clear = now
	}
	x.clear = x.clear.Add(time.Duration(float64(size+ipOverhead) * 8 / x.rate * float64(time.Second)))
	x.leaving = append(x.leaving, x.clear)
	return x.clear, true
}

func (x *proxy) close() {
	unix.Close(x.listen)
	for _, f := range x.order {
		unix.Close(f.fd)
	}
}

// fetchOver is fetch with a path between.
func (s *server) fetchOver(ctx context.Context, over path, p plan) (*fetched, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	listening := make(chan netip.AddrPort, 1)
	failed := make(chan error, 1)
	proxyCtx, stop := context.WithCancel(ctx)
	go func() {
		failed <- s.ns.do(func() error { return over.serve(proxyCtx, address, listening) })
	}()
	addr, ok := <-listening
	if !ok {
		stop()
		return nil, <-failed
	}
	p.server = addr
	f, err := s.fetch(ctx, p)
	stop()
	return f, errors.Join(err, <-failed)
}
