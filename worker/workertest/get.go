package workertest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/protocol"
	"brood/worker"
)

// OpenTimeout is how long a handler under test may take to open.
const OpenTimeout = 5 * time.Second

// Response is what a client got from a handler.
type Response struct {
	Content []byte
	OACK    []protocol.Option // the options acknowledged, in their order; nil without OACK
	Err     *protocol.Error   // the ERROR that the client got; nil when the transfer is complete
	Detail  string            // what the server's log would say of a session that went wrong

	// Quirks is what the handler asked for the client. GetSandboxed does not see it.
	Quirks worker.Quirks
}

// Get asks a handler for a file, with options as a client would send them, and
// returns what that client gets: the handler runs in a real session over a
// loopback socket, negotiation, blocks and all. It fails the test only when the
// transfer ends in a way that no handler can bring about.
//
// The session runs in the test's own process: a panic of the handler is the test's.
func Get(t testing.TB, h worker.Handler, file string, options ...protocol.Option) *Response {
	t.Helper()
	return get(t, h, &Client{Options: options}, file)
}

// GetNetascii is Get in netascii mode.
func GetNetascii(t testing.TB, h worker.Handler, file string, options ...protocol.Option) *Response {
	t.Helper()
	return get(t, h, &Client{Options: options, Mode: protocol.Netascii}, file)
}

func get(t testing.TB, h worker.Handler, c *Client, file string) *Response {
	t.Helper()
	p := newPair(t)
	defer p.close()
	final := make(chan *ipc.Frame, 2) // Abandon and a late Run may both report
	var quirks worker.Quirks
	quirky := func(ctx context.Context, req *worker.Request) (worker.Response, error) {
		resp, err := h.Open(ctx, req)
		quirks = req.Quirks
		return resp, err
	}
	s := worker.Session{
		Job:         job(c, p.peer, p.local, file),
		Socket:      p.socket,
		Handler:     worker.HandlerFunc(quirky),
		OpenTimeout: OpenTimeout,
		Report:      func(*ipc.Frame) {},
		Abandon:     func(f *ipc.Frame) { final <- f },
	}
	go func() {
		f := s.Run()
		s.Close()
		final <- f
	}()

	var content bytes.Buffer
	// The RRQ goes to the session's own socket, which passes it over: the
	// session was begun by its job.
	result, err := c.GetFrom(t.Context(), p.conn, p.local, file, &content)
	f := <-final
	r := &Response{Content: content.Bytes(), OACK: result.OACK, Detail: f.Detail}
	if f.Outcome != ipc.OutcomeOpenTimeout { // else Open may still be running
		r.Quirks = quirks
	}
	if err != nil && !errors.As(err, &r.Err) {
		t.Fatalf("workertest: %v (%s)", err, r.Detail)
	}
	return r
}

func job(c *Client, peer, local netip.AddrPort, file string) ipc.Job {
	j := ipc.Job{
		Session:       1,
		Peer:          peer,
		Local:         local,
		File:          file,
		Mode:          uint8(c.Mode),
		Received:      ipc.InstantOf(time.Now()),
		Timeout:       time.Second,
		Retries:       5,
		MaxBlksize:    protocol.MaxBlksize,
		MaxWindowsize: protocol.MaxWindowsize,
	}
	for _, o := range c.Options {
		j.Options = append(j.Options, ipc.Option(o))
	}
	return j
}

// pair are the two ends of a transfer over loopback: the client's socket, and a
// session's that is connected to it.
type pair struct {
	conn        *net.UDPConn
	socket      int
	peer, local netip.AddrPort
}

func newPair(t testing.TB) *pair {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{conn: conn, peer: conn.LocalAddr().(*net.UDPAddr).AddrPort()}
	p.socket, p.local = sessionSocket(t, p.peer)
	return p
}

func (p *pair) close() {
	p.conn.Close()
	unix.Close(p.socket)
}

// sessionSocket returns a socket as the supervisor makes them: blocking, bound,
// connected.
func sessionSocket(t testing.TB, peer netip.AddrPort) (int, netip.AddrPort) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(peer.Port()), Addr: peer.Addr().As4()})
	}
	if err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	bound := sa.(*unix.SockaddrInet4)
	return fd, netip.AddrPortFrom(netip.AddrFrom4(bound.Addr), uint16(bound.Port))
}
