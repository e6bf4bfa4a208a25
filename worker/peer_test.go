package worker_test

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/protocol"
	"brood/worker"
)

// peer is a client that does what a test tells it, packet by packet.
type peer struct {
	t      *testing.T
	conn   *net.UDPConn
	socket int // the session's, connected to conn
	local  netip.AddrPort
	seen   map[string]bool // what was received so far
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(time.Minute)) // only ever reached by a bug
	p := &peer{t: t, conn: conn, seen: make(map[string]bool)}
	p.socket, p.local = sessionSocket(t, p.addr())
	t.Cleanup(func() { conn.Close(); unix.Close(p.socket) })
	return p
}

// sessionSocket returns a socket as the supervisor makes them.
func sessionSocket(t *testing.T, to netip.AddrPort) (int, netip.AddrPort) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	local := sa.(*unix.SockaddrInet4)
	return fd, netip.AddrPortFrom(netip.AddrFrom4(local.Addr), uint16(local.Port))
}

func (p *peer) addr() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// job asks for a file with options given as name, value, name, value.
func (p *peer) job(options ...string) ipc.Job {
	j := ipc.Job{
		Session:       42,
		Peer:          p.addr(),
		Local:         p.local,
		File:          "pxelinux.0",
		Received:      ipc.InstantOf(time.Now()),
		Timeout:       time.Minute, // nothing is sent twice before a round trip was measured
		Retries:       2,
		MaxBlksize:    protocol.MaxBlksize,
		MaxWindowsize: protocol.MaxWindowsize,
	}
	for i := 0; i < len(options); i += 2 {
		j.Options = append(j.Options, ipc.Option{Name: options[i], Value: options[i+1]})
	}
	return j
}

func (p *peer) send(packet string) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDPAddrPort([]byte(packet), p.local); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) ack(block uint16) {
	p.t.Helper()
	p.send(string(protocol.Ack{Block: block}.Append(nil)))
}

func (p *peer) receive() []byte {
	p.t.Helper()
	b := make([]byte, 65536)
	n, err := p.conn.Read(b)
	if err != nil {
		p.t.Fatal(err)
	}
	return b[:n]
}

// expect passes over what has been received before: on a machine that is busy a
// session may send again what it need not.
func (p *peer) expect(packet []byte) {
	p.t.Helper()
	for {
		got := p.receive()
		switch {
		case bytes.Equal(got, packet):
			p.seen[string(got)] = true
			return
		case !p.seen[string(got)]:
			p.t.Fatalf("received %.60q (%d bytes), want %.60q (%d bytes)", got, len(got), packet, len(packet))
		}
	}
}

func (p *peer) expectData(block uint16, payload []byte) {
	p.t.Helper()
	p.expect(protocol.Data{Block: block, Payload: payload}.Append(nil))
}

func (p *peer) expectError(code protocol.ErrorCode, message string) {
	p.t.Helper()
	p.expect((&protocol.Error{Code: code, Message: message}).Append(nil))
}

// expectOACK takes options as name, value, name, value.
func (p *peer) expectOACK(options ...string) {
	p.t.Helper()
	var o protocol.OACK
	for i := 0; i < len(options); i += 2 {
		o.Options = append(o.Options, protocol.Option{Name: options[i], Value: options[i+1]})
	}
	p.expect(o.Append(nil))
}

// fetch receives a whole file of 512-byte blocks in lock-step.
func (p *peer) fetch() []byte {
	p.t.Helper()
	var content []byte
	for block := uint16(1); ; block++ {
		got := p.receive()
		for p.seen[string(got)] {
			got = p.receive()
		}
		p.seen[string(got)] = true
		d, err := protocol.ParseData(got)
		if err != nil || d.Block != block {
			p.t.Fatalf("received block %d, %v; want %d", d.Block, err, block)
		}
		content = append(content, d.Payload...)
		p.ack(block)
		if len(d.Payload) < 512 {
			return content
		}
	}
}

// expectSilence fails if something new has arrived. On loopback it has when the
// sender's write returned, so after a session's end this is no question of time.
func (p *peer) expectSilence() {
	p.t.Helper()
	raw, err := p.conn.SyscallConn()
	if err != nil {
		p.t.Fatal(err)
	}
	b := make([]byte, 65536)
	raw.Control(func(fd uintptr) {
		for {
			n, _, err := unix.Recvfrom(int(fd), b, unix.MSG_DONTWAIT)
			if err == unix.EAGAIN {
				return
			}
			if err != nil || !p.seen[string(b[:n])] {
				p.t.Errorf("received %.60q, %v; want silence", b[:max(n, 0)], err)
				return
			}
		}
	})
}

// once takes from final stats what was sent more than once.
func once(f ipc.Frame) ipc.Frame {
	f.Packets -= f.Retransmissions
	f.Retransmissions = 0
	return f
}

// running is a Session on its goroutine.
type running struct {
	t         *testing.T
	final     chan ipc.Frame
	abandoned chan ipc.Frame
	reported  []ipc.Frame // to be read after final
}

func (p *peer) start(job ipc.Job, h worker.Handler, openTimeout time.Duration) *running {
	r := &running{t: p.t, final: make(chan ipc.Frame, 1), abandoned: make(chan ipc.Frame, 1)}
	s := &worker.Session{
		Job:         job,
		Socket:      p.socket,
		Handler:     h,
		OpenTimeout: openTimeout,
		Report:      func(f *ipc.Frame) { r.reported = append(r.reported, *f) },
		Abandon:     func(f *ipc.Frame) { r.abandoned <- *f },
	}
	go func() {
		f := *s.Run()
		s.Close()
		r.final <- f
	}()
	return r
}

// end returns the final stats.
func (r *running) end() ipc.Frame {
	r.t.Helper()
	select {
	case f := <-r.final:
		return f
	case f := <-r.abandoned:
		r.t.Fatalf("the session was abandoned: %+v", f)
	case <-time.After(time.Minute):
		r.t.Fatal("the session does not end")
	}
	panic("not reached")
}
