package client

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"brood/protocol"
)

// Client reads files. The zero value works; one Client may be used by many
// goroutines.
type Client struct {
	// Local is the address to send from. The zero value lets the kernel choose.
	Local netip.Addr
	// Options are asked for, in this order.
	Options []protocol.Option
	Mode    protocol.Mode
	// Timeout is the first wait for an answer before a packet is repeated. Zero
	// means 1s.
	Timeout time.Duration
	// Retries is how often a packet is repeated. Zero means 5, negative never.
	Retries int
	// Dally keeps the socket open after the last block, to repeat the last ACK
	// if the server asks for it (RFC 1350 §6).
	Dally bool
	// OnAnswer, if it is not nil, is called once when the server has answered with
	// OACK or DATA, before anything is written. It must not keep the Result.
	OnAnswer func(*Result)
}

// Result is what a Client learned besides the content.
type Result struct {
	Terms protocol.Terms // in force: as negotiated, or the protocol's defaults
	Size  int64          // tsize as the server told it, -1 if it did not
	OACK  []protocol.Option
	TID   netip.AddrPort // where the session's packets came from
	Bytes int64          // of content

	Requests int           // RRQs sent, repetitions included
	Answer   time.Duration // from the first RRQ to the first packet of the session
	// Cramped says that the kernel may drop blocks of a window: net.core.rmem_max
	// bounds the receive buffer to less than one.
	Cramped bool
}

// Get reads one file from a server into w. What ends a transfer other than ctx, w and
// the local network is an *Error, in which the server's ERROR is a *protocol.Error;
// ctx ends the wait for the server, not a write to w.
func (c *Client) Get(ctx context.Context, server netip.AddrPort, file string, w io.Writer) (*Result, error) {
	network := "udp6"
	if server.Addr().Unmap().Is4() {
		network = "udp4" // on a socket for both, what ICMP says would have to be heard in two ways
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(c.Local, 0)))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return c.GetFrom(ctx, conn, server, file, w)
}

// GetFrom is Get from a socket of the caller's, which it may use for one file after
// the other: to the server each is a request from the same port. Local is not used.
func (c *Client) GetFrom(ctx context.Context, conn *net.UDPConn, server netip.AddrPort, file string, w io.Writer) (*Result, error) {
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	x := exchange{
		conn:    conn,
		server:  netip.AddrPortFrom(server.Addr().Unmap(), server.Port()),
		request: protocol.Request{Op: protocol.OpRRQ, File: file, Mode: c.Mode, Options: c.Options}.Append(nil),
		receiver: protocol.NewReceiver(protocol.ReceiverConfig{
			Options: c.Options,
			Timeout: orDefault(c.Timeout, time.Second),
			Retries: orDefault(c.Retries, 5),
		}),
		netascii: c.Mode == protocol.Netascii,
		w:        w,
		dally:    c.Dally,
		onAnswer: c.OnAnswer,
		result:   Result{Size: -1},
	}
	hearErrors(conn)
	err := x.run(ctx)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	x.learn()
	if err != nil {
		err = fmt.Errorf("%s from %v: %w", protocol.Printable(file), server, err)
	}
	return &x.result, err
}

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}
