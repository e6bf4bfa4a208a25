package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// flood is requests that nobody waits for: a switch that has gone mad, or somebody
// who makes up addresses.
type flood struct {
	rate    int // requests a second
	sources int // addresses that they seem to come from, in 127/8
}

// flooded has 100 clients with an address each fetch a loader every few seconds,
// first in peace and then during a flood.
func flooded(name string, fl flood) *testCase {
	const clients, half = 100, 8 * time.Second
	honest := plan{
		want: boot[0], timeout: time.Second, clients: clients, apart: true,
		pause: 4 * time.Second, repeat: half, abort: half + 8*time.Second,
	}
	return &testCase{
		name:  name,
		fresh: true,
		long:  true,
		metrics: []metric{
			{name: slower, lower: true, goals: []goal{least("brood", "", 2)}},
			aside("p50 without, ms"),
			aside("p99 without, ms"),
			aside("p50, ms"),
			aside("p99, ms"),
			{name: failures, lower: true, goals: []goal{least("brood", "", 0)}},
			aside(retries),
			{name: lost, lower: true, goals: []goal{least("brood", "", 0)}},
			{name: logLines, lower: true},
			aside("MB more"),
			{name: growth, lower: true},
			aside("requests/s of the flood"),
		},
		run: func(ctx context.Context, s *server) (sample, error) {
			var without []time.Duration
			for range 2 {
				calm, err := s.fetch(ctx, honest)
				if err != nil {
					return nil, err
				}
				without = append(without, calm.took...)
			}
			before, _, err := s.group.pss()
			lostBefore, err2 := s.dropped()
			if err = errors.Join(err, err2); err != nil {
				return nil, err
			}
			linesBefore, begun := s.lines(), time.Now()
			var f [2]*fetched
			var memory [2]int64
			perSecond, err := s.during(fl, func() error {
				for i := range f {
					var err error
					if f[i], err = s.fetch(ctx, honest); err != nil {
						return err
					}
					if memory[i], _, err = s.group.pss(); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
			lostAfter, err := s.dropped()
			with := append(f[0].took, f[1].took...)
			out := sample{
				slower:                    float64(quantile(with, 0.99)) / float64(quantile(without, 0.99)),
				"p50 without, ms":         micros(quantile(without, 0.5)) / 1e3,
				"p99 without, ms":         micros(quantile(without, 0.99)) / 1e3,
				"p50, ms":                 micros(quantile(with, 0.5)) / 1e3,
				"p99, ms":                 micros(quantile(with, 0.99)) / 1e3,
				failures:                  float64(f[0].failed + f[1].failed),
				retries:                   float64(f[0].retries + f[1].retries),
				lost:                      float64(lostAfter - lostBefore),
				logLines:                  float64(s.lines()-linesBefore) / time.Since(begun).Seconds(),
				"MB more":                 float64(memory[1]-before) / 1e6,
				growth:                    float64(memory[1]-memory[0]) / 1e6,
				"requests/s of the flood": perSecond,
			}
			return out, err
		},
	}
}

// No two requests of a flood within a round are equal, or a server could take them
// for repetitions: the option is one that nobody knows.
const (
	floodPorts = 256
	floodBatch = 64
	nonce      = "00000000"
)

// flooder sends a flood's packets; its thread must live where the server is.
type flooder struct {
	flood
	fds  [floodPorts]int
	msgs [floodBatch]mmsghdr
	iovs [floodBatch]unix.Iovec
	bufs [floodBatch][]byte
	info [floodBatch]pktinfo
	to   unix.RawSockaddrInet4
	sent uint32
}

// pktinfo is the control message that gives a packet its source address.
type pktinfo struct {
	head unix.Cmsghdr
	unix.Inet4Pktinfo
	_ [4]byte
}

func newFlooder(f flood, server netip.AddrPort) (*flooder, error) {
	x := &flooder{flood: f, to: rawSockaddr(server)}
	for i := range x.fds {
		x.fds[i] = -1
	}
	for i := range x.fds {
		var err error
		if x.fds[i], err = deafSocket(); err != nil {
			x.close()
			return nil, err
		}
	}
	request := protocol.Request{
		Op: protocol.OpRRQ, File: "tiny", Mode: protocol.Octet,
		Options: []protocol.Option{{Name: "nonce", Value: nonce}},
	}.Append(nil)
	for i := range x.msgs {
		x.bufs[i] = append([]byte(nil), request...)
		x.iovs[i].Base = &x.bufs[i][0]
		x.iovs[i].SetLen(len(request))
		x.info[i].head.Level = unix.IPPROTO_IP
		x.info[i].head.Type = unix.IP_PKTINFO
		x.info[i].head.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
		h := &x.msgs[i].hdr
		h.Name = (*byte)(unsafe.Pointer(&x.to))
		h.Namelen = unix.SizeofSockaddrInet4
		h.Iov = &x.iovs[i]
		h.SetIovlen(1)
		h.Control = (*byte)(unsafe.Pointer(&x.info[i]))
		h.SetControllen(unix.CmsgSpace(unix.SizeofInet4Pktinfo))
	}
	return x, nil
}

// deafSocket has a port on every address, so that no answer to one that was made
// up is answered by the kernel, and a filter that lets nothing in, so that none
// counts as lost.
func deafSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	drop := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K}}
	if err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop[0]}); err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{})
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// run sends until stop says so, and returns how many requests left. Its thread gives
// way to all others: a flood comes from another machine and takes no server's CPU time
// for being sent. It is not unlocked, and so ends here.
func (x *flooder) run(stop *atomic.Bool) uint32 {
	runtime.LockOSThread()
	if err := unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), 19); err != nil {
		fmt.Fprintln(os.Stderr, "bench: the flood takes CPU time that servers need:", err)
	}
	begun := time.Now()
	for !stop.Load() {
		due := uint32(time.Since(begun).Seconds() * float64(x.rate))
		if due-x.sent < floodBatch {
			time.Sleep(time.Millisecond)
			continue
		}
		x.batch()
		if due-x.sent > uint32(x.rate) { // a second behind: it can't be made up for
			begun = begun.Add(time.Second)
		}
	}
	return x.sent
}

func (x *flooder) batch() {
	for i := range x.msgs {
		n := x.sent + uint32(i)
		hex(x.bufs[i][len(x.bufs[i])-1-len(nonce):], n)
		source := 9<<16 + 1 + n%uint32(x.sources) // 127.9.0.1 and on
		binary.BigEndian.PutUint32(x.info[i].Spec_dst[:], 127<<24|source)
	}
	fd := x.fds[x.sent/floodBatch%floodPorts]
	unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&x.msgs[0])), floodBatch, 0, 0, 0)
	x.sent += floodBatch
}

func hex(at []byte, n uint32) {
	for i := range len(nonce) {
		at[i] = "0123456789abcdef"[n>>(28-4*i)&15]
	}
}

func (x *flooder) close() {
	for _, fd := range x.fds {
		unix.Close(fd)
	}
}

// during floods the server while f runs, and returns how many requests a second
// there were.
func (s *server) during(f flood, do func() error) (perSecond float64, err error) {
	var x *flooder
	if err := s.ns.do(func() (err error) { x, err = newFlooder(f, address); return err }); err != nil {
		return 0, err
	}
	defer x.close()
	var stop atomic.Bool
	sent := make(chan uint32)
	begun := time.Now()
	go func() { sent <- x.run(&stop) }()
	err = do()
	stop.Store(true)
	return float64(<-sent) / time.Since(begun).Seconds(), err
}
