package harness

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"brood/protocol"
)

// Peer is a client whose every packet the test decides.
type Peer struct {
	Conn *net.UDPConn
	TID  netip.AddrPort // where the last packet came from
	t    testing.TB
}

// NewPeer returns a Peer on a port of its own of the given address.
func NewPeer(t testing.TB, addr string) *Peer {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &Peer{Conn: conn, t: t}
}

// RRQ returns a read request's bytes; options alternate names and values.
func RRQ(file string, options ...string) []byte {
	r := protocol.Request{Op: protocol.OpRRQ, File: file}
	for i := 0; i+1 < len(options); i += 2 {
		r.Options = append(r.Options, protocol.Option{Name: options[i], Value: options[i+1]})
	}
	return r.Append(nil)
}

// Send sends a datagram.
func (p *Peer) Send(to netip.AddrPort, b []byte) {
	p.t.Helper()
	if _, err := p.Conn.WriteToUDPAddrPort(b, to); err != nil {
		p.t.Fatal(err)
	}
}

// Ask sends a request, and again every second as clients do, until something
// comes back. It returns that. It may be called from any goroutine.
func (p *Peer) Ask(to netip.AddrPort, b []byte) []byte {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		p.Send(to, b)
		if answer, ok := p.receive(time.Second); ok {
			return answer
		}
	}
	p.t.Error("no packet came") // and no more: this may be any goroutine
	return nil
}

// Ack acknowledges a block to whoever sent the last packet.
func (p *Peer) Ack(block uint16) {
	p.t.Helper()
	p.Send(p.TID, protocol.Ack{Block: block}.Append(nil))
}

// Receive returns the next packet. It fails the test when none comes.
func (p *Peer) Receive() []byte {
	p.t.Helper()
	b, ok := p.receive(patience)
	if !ok {
		p.t.Fatal("no packet came")
	}
	return b
}

// Silent says that no packet comes for a while. It can't prove silence; a packet
// that is already there, or on its way, it sees.
func (p *Peer) Silent(d time.Duration) bool {
	_, ok := p.receive(d)
	return !ok
}

func (p *Peer) receive(d time.Duration) ([]byte, bool) {
	buf := make([]byte, 65536)
	p.Conn.SetReadDeadline(time.Now().Add(d))
	n, from, err := p.Conn.ReadFromUDPAddrPort(buf)
	if err != nil {
		return nil, false
	}
	p.TID = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	return buf[:n], true
}

// Data receives a packet and fails the test if it is not DATA with this number.
// The block before it may come once more, to a test that was slow to acknowledge.
func (p *Peer) Data(block uint16) []byte {
	p.t.Helper()
	b := p.Receive()
	d, err := protocol.ParseData(b)
	for err == nil && d.Block+1 == block {
		b = p.Receive()
		d, err = protocol.ParseData(b)
	}
	if err != nil || d.Block != block {
		p.t.Fatalf("got %q, want DATA %d", b[:min(len(b), 80)], block)
	}
	return d.Payload
}

// Error receives a packet and fails the test if it is not ERROR with this code.
func (p *Peer) Error(code protocol.ErrorCode) protocol.Error {
	p.t.Helper()
	b := p.Receive()
	e, err := protocol.ParseError(b)
	if err != nil || e.Code != code {
		p.t.Fatalf("got %q, want ERROR %d", b[:min(len(b), 80)], code)
	}
	return e
}
