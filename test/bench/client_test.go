package main

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// startIdeal serves 1,000 and 300,000 bytes on a loopback address of the test's own.
func startIdeal(t testing.TB, at string) (addr netip.AddrPort, crc uint32) {
	t.Helper()
	root := t.TempDir()
	content := make([]byte, 300_000)
	for i := range content {
		content[i] = byte(i * i >> 7)
	}
	for name, b := range map[string][]byte{"tiny": content[:1000], "large": content} {
		if err := os.WriteFile(filepath.Join(root, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	x, err := newIdeal(root)
	if err != nil {
		t.Fatal(err)
	}
	addr = netip.MustParseAddrPort(at)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- x.serve(ctx, addr) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	waitForPort(t, addr)
	return addr, crc32.ChecksumIEEE(content)
}

// waitForPort returns when somebody answers.
func waitForPort(t testing.TB, addr netip.AddrPort) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		f, err := plan{want: want{file: "tiny"}, server: addr, clients: 1}.run(t.Context())
		if err == nil && f.sessions == 1 {
			return
		}
	}
	t.Fatal("nobody answers")
}

func TestClientFetchesWhatTheServerHas(t *testing.T) {
	t.Parallel()
	addr, crc := startIdeal(t, "127.83.20.1:6969")
	for name, w := range map[string]want{
		"lock-step":          {file: "large", blksize: 0, windowsize: 0},
		"large blocks":       {file: "large", blksize: 8192, windowsize: 0},
		"a window":           {file: "large", blksize: 1428, windowsize: 16},
		"more than one call": {file: "large", blksize: 1428, windowsize: 64},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := plan{want: w, server: addr, clients: 1, check: true}.run(t.Context())
			if err != nil || f.sessions != 1 || f.failed != 0 {
				t.Fatalf("%+v: %+v, %v", w, f, err)
			}
			if f.bytes != 300_000 || f.crc != crc || !w.granted(f.terms) {
				t.Errorf("%d bytes, CRC %#x, %+v; want 300000, %#x, %+v", f.bytes, f.crc, f.terms, crc, w)
			}
		})
	}
}

func TestManyClientsAreServedAtOnce(t *testing.T) {
	t.Parallel()
	addr, _ := startIdeal(t, "127.83.20.2:6969")
	f, err := plan{want: want{file: "large", blksize: 1428, windowsize: 8}, server: addr, clients: 20}.run(t.Context())
	if err != nil || f.sessions != 20 || f.failed != 0 || f.bytes != 20*300_000 || len(f.ttfd) != 20 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestERRORIsTheAnswerWhereItIsExpected(t *testing.T) {
	t.Parallel()
	addr, _ := startIdeal(t, "127.83.20.3:6969")
	p := plan{want: want{file: "missing", refusal: true}, server: addr, clients: 2}
	if f, err := p.run(t.Context()); err != nil || f.sessions != 2 || f.failed != 0 {
		t.Errorf("%+v, %v", f, err)
	}
	p.want.refusal = false
	if f, err := p.run(t.Context()); err == nil || f.failed != 2 {
		t.Errorf("%+v, %v; want an error and 2 failures", f, err)
	}
}

func TestAClientTakesItsStepsInTurn(t *testing.T) {
	t.Parallel()
	addr, _ := startIdeal(t, "127.83.20.9:6969")
	steps := []want{{file: "large", blksize: 1428}, {file: "missing", refusal: true}, {file: "tiny"}}
	f, err := plan{steps: steps, server: addr, clients: 20}.run(t.Context())
	if err != nil || f.sessions != 60 || f.failed != 0 {
		t.Errorf("%+v, %v; want 60 sessions", f, err)
	}
	// One that fails is the client's last.
	steps[1].refusal = false
	f, err = plan{steps: steps, server: addr, clients: 20}.run(t.Context())
	if err != nil || f.sessions != 20 || f.failed != 20 {
		t.Errorf("%+v, %v; want 20 sessions and as many failures", f, err)
	}
}

func TestHeldSessionsHaveDATAAndSendNoACK(t *testing.T) {
	t.Parallel()
	addr, _ := startIdeal(t, "127.83.20.4:6969")
	called := 0
	p := plan{want: want{file: "large"}, server: addr, clients: 30, held: func() { called++ }}
	if f, err := p.run(t.Context()); err != nil || called != 1 || f.sessions != 30 || f.bytes != 0 {
		t.Errorf("%+v, %v, called %d times", f, err, called)
	}
}

// silent is a socket that hears and says nothing.
func silent(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 83, 20, 5}}); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 83, 20, 5}), uint16(name.(*unix.SockaddrInet4).Port))
}

func TestRetriesAreCounted(t *testing.T) {
	t.Parallel()
	for clients := 1; clients <= 2; clients++ { // blocking, and with epoll
		p := plan{want: want{file: "x"}, server: silent(t), clients: clients, abort: 1200 * time.Millisecond}
		if f, err := p.run(t.Context()); err != nil || f.retries != clients || f.failed != clients {
			t.Errorf("%+v, %v; want %d retries", f, err, clients)
		}
	}
}

func TestPathDelaysAndBounds(t *testing.T) {
	t.Parallel()
	addr, _ := startIdeal(t, "127.83.20.6:6969")
	over := func(p path, q plan) *fetched {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		listening, ended := make(chan netip.AddrPort, 1), make(chan error, 1)
		go func() { ended <- p.serve(ctx, addr, listening) }()
		q.server = <-listening
		f, err := q.run(ctx)
		stop()
		if err = errors.Join(err, <-ended); err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := over(path{delay: 15 * time.Millisecond}, plan{want: want{file: "tiny"}, clients: 1})
	if f.sessions != 1 || f.elapsed < 60*time.Millisecond { // RRQ, DATA 1, ACK 1, DATA 2
		t.Errorf("%+v; want two round trips of 30 ms", f)
	}
	f = over(path{rate: 1e6, queue: 1000}, plan{want: want{file: "large", blksize: 1428, windowsize: 16}, clients: 1, abort: time.Second, timed: true})
	if f.bytes < 60_000 || f.bytes > 125_000 {
		t.Errorf("%d bytes came over 1 Mbit/s in a second", f.bytes)
	}
	f = over(path{loss: 1}, plan{want: want{file: "tiny"}, clients: 1, abort: 100 * time.Millisecond})
	if f.bytes != 0 {
		t.Errorf("%d bytes came over a path that loses all", f.bytes)
	}
}

func TestBlocksAreReceivedWithoutAllocation(t *testing.T) {
	r := testing.Benchmark(BenchmarkBlock)
	if n := r.AllocsPerOp(); n != 0 {
		t.Errorf("%d allocations for each block", n)
	}
}

// What a block costs before the kernel: it must be little beside a system call.
func BenchmarkBlock(b *testing.B) {
	w := want{file: "large", blksize: 1428, windowsize: 16}
	s := &session{fd: -1, connected: true}
	s.rx = protocol.NewReceiver(protocol.ReceiverConfig{Options: w.options(), Timeout: time.Second})
	now := time.Now()
	s.rx.Step(now, protocol.Event{Kind: protocol.EventStart})
	s.rx.Step(now, protocol.Event{Kind: protocol.EventOACK, Options: w.options()})
	p := make([]byte, 4+1428)
	p[1] = byte(protocol.OpDATA)
	block := uint16(0)
	b.SetBytes(1428)
	b.ReportAllocs()
	for b.Loop() {
		block++
		binary.BigEndian.PutUint16(p[2:], block)
		s.packet(now, p, nil, 0)
	}
	if s.bytes == 0 || s.done {
		b.Fatalf("the receiver took %d bytes, done: %v", s.bytes, s.done)
	}
}
