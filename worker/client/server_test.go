package client_test

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/protocol"
	"brood/worker"
)

// serve is a server in miniature: one port for requests, a session with a socket
// of its own for each. It serves n requests.
func serve(h worker.Handler, n int) (addr netip.AddrPort, wait func(), err error) {
	port, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return addr, nil, err
	}
	var sessions sync.WaitGroup
	sessions.Go(func() {
		defer port.Close()
		port.SetReadDeadline(time.Now().Add(time.Minute))
		b := make([]byte, protocol.MaxRequestLen)
		for range n {
			size, peer, err := port.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			req, err := protocol.ParseRequest(b[:size])
			if err != nil {
				return
			}
			sessions.Go(func() { session(h, peer, req) })
		}
	})
	return port.LocalAddr().(*net.UDPAddr).AddrPort(), sessions.Wait, nil
}

func session(h worker.Handler, peer netip.AddrPort, req protocol.Request) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(socket)
	if err := unix.Connect(socket, &unix.SockaddrInet4{Addr: peer.Addr().As4(), Port: int(peer.Port())}); err != nil {
		return
	}
	job := ipc.Job{Peer: peer, File: req.File, Mode: uint8(req.Mode), Received: ipc.InstantOf(time.Now()), Timeout: time.Minute}
	for _, o := range req.Options {
		job.Options = append(job.Options, ipc.Option(o))
	}
	s := worker.Session{
		Job: job, Socket: socket, Handler: h, OpenTimeout: time.Minute,
		Report: func(*ipc.Frame) {}, Abandon: func(*ipc.Frame) {},
	}
	s.Run()
	s.Close()
}

func mustServe(t *testing.T, h worker.Handler, n int) netip.AddrPort {
	t.Helper()
	addr, wait, err := serve(h, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wait)
	return addr
}

// script is a server that does what a test tells it. Each port of it is one TID.
type script struct {
	t     *testing.T
	ports []*net.UDPConn
	peer  netip.AddrPort // whom the last packet came from
}

func newScript(t *testing.T, ports int) *script {
	t.Helper()
	return newScriptAt(t, ports, "127.0.0.1")
}

func newScriptAt(t *testing.T, ports int, local string) *script {
	t.Helper()
	s := &script{t: t}
	for range ports {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(local)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		s.ports = append(s.ports, conn)
	}
	return s
}

// play runs the server's part beside the test, and has the test wait for its end.
func (s *script) play(part func()) (done <-chan struct{}) {
	ch := make(chan struct{})
	go func() {
		defer close(ch)
		part()
	}()
	s.t.Cleanup(func() { <-ch })
	return ch
}

func (s *script) addr(port int) netip.AddrPort {
	return s.ports[port].LocalAddr().(*net.UDPAddr).AddrPort()
}

// expect and send may run beside the test, so they can't end it.
func (s *script) expect(port int, want string) {
	s.t.Helper()
	b := make([]byte, 2048)
	n, from, err := s.ports[port].ReadFromUDPAddrPort(b)
	if err != nil || string(b[:n]) != want {
		s.t.Errorf("at port %d: %q, %v; want %q", port, b[:n], err, want)
	}
	s.peer = from
}

func (s *script) send(port int, packet string) {
	s.t.Helper()
	if _, err := s.ports[port].WriteToUDPAddrPort([]byte(packet), s.peer); err != nil {
		s.t.Error(err)
	}
}
