package workertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"brood/protocol"
)

// Client reads files by TFTP (RFC 1350, with options). The zero value works. It
// is protocol.Receiver with a socket; one Client may be used by many goroutines.
type Client struct {
	// Local is the address to send from. The zero value lets the kernel choose.
	Local netip.Addr
	// Options are asked for, in this order.
	Options []protocol.Option
	Mode    protocol.Mode
	// Timeout is the first wait for an answer before a packet is repeated. Zero
	// means 1s.
	Timeout time.Duration
	// Retries is how often a packet is repeated. Zero means 5.
	Retries int
	// Dally keeps the socket open after the last block, to repeat the last ACK
	// if the server asks for it (RFC 1350 §6).
	Dally bool
}

// Result is what a Client learned besides the content.
type Result struct {
	Terms protocol.Terms // in force: as negotiated, or the protocol's defaults
	Size  int64          // tsize as the server told it, -1 if it did not
	OACK  []protocol.Option
	TID   netip.AddrPort // where the session's packets came from
	Bytes int64          // of content

	Requests int // RRQs sent, repetitions included
}

// Get reads one file from a server into w. The server's ERROR is returned as a
// *protocol.Error; ctx ends the wait for the server, not a write to w.
func (c *Client) Get(ctx context.Context, server netip.AddrPort, file string, w io.Writer) (*Result, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(c.Local, 0)))
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
		server:  server,
		request: protocol.Request{Op: protocol.OpRRQ, File: file, Mode: c.Mode, Options: c.Options}.Append(nil),
		receiver: protocol.NewReceiver(protocol.ReceiverConfig{
			Options: c.Options,
			Timeout: orDefault(c.Timeout, time.Second),
			Retries: orDefault(c.Retries, 5),
		}),
		netascii: c.Mode == protocol.Netascii,
		w:        w,
		dally:    c.Dally,
	}
	err := x.run(ctx)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	x.result.Terms = x.receiver.Terms()
	x.result.Size = -1
	if size, ok := x.receiver.Size(); ok {
		x.result.Size = size
	}
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

// exchange is one transfer.
type exchange struct {
	conn     *net.UDPConn
	server   netip.AddrPort // the request port
	request  []byte
	receiver *protocol.Receiver
	netascii bool
	decoder  protocol.NetasciiDecoder
	w        io.Writer
	dally    bool
	result   Result
	buf      [65536]byte
}

// errUnexpected wraps how a transfer ended other than complete and without an ERROR.
var errUnexpected = errors.New("transfer ended")

func (x *exchange) run(ctx context.Context) error {
	reply := x.receiver.Step(time.Now(), protocol.Event{Kind: protocol.EventStart})
	for {
		if err := x.act(reply); err != nil {
			return err
		}
		if reply.Done && (!x.dally || reply.Outcome != protocol.Complete || time.Now().After(reply.Wake)) {
			break
		}
		ev, err := x.next(ctx, reply.Wake)
		if err != nil {
			return err
		}
		reply = x.receiver.Step(time.Now(), ev)
	}
	switch reply.Outcome {
	case protocol.Complete:
		return x.write(x.decoder.Flush(nil))
	case protocol.PeerError, protocol.Refused:
		return &reply.Err
	default:
		return fmt.Errorf("%w: %v", errUnexpected, reply.Outcome)
	}
}

func (x *exchange) act(reply protocol.Reply) error {
	if len(reply.Payload) > 0 {
		content := reply.Payload
		if x.netascii {
			content = x.decoder.Append(nil, content)
		}
		if err := x.write(content); err != nil {
			return err
		}
	}
	switch {
	case reply.RRQ:
		x.result.Requests++
		return x.send(x.request, x.server)
	case reply.Ack:
		return x.send(protocol.Ack{Block: reply.Block}.Append(nil), x.result.TID)
	case reply.Refuse:
		return x.send(reply.Err.Append(nil), x.result.TID)
	}
	return nil
}

func (x *exchange) write(b []byte) error {
	n, err := x.w.Write(b)
	x.result.Bytes += int64(n)
	return err
}

func (x *exchange) send(b []byte, to netip.AddrPort) error {
	_, err := x.conn.WriteToUDPAddrPort(b, to)
	return err
}

// next waits for a packet of the session, or for the timer.
func (x *exchange) next(ctx context.Context, wake time.Time) (protocol.Event, error) {
	for {
		x.conn.SetReadDeadline(wake)
		if err := ctx.Err(); err != nil { // it may have ended before that call
			return protocol.Event{}, err
		}
		n, from, err := x.conn.ReadFromUDPAddrPort(x.buf[:])
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return protocol.Event{Kind: protocol.EventTimer}, nil
		case errors.Is(err, syscall.ECONNREFUSED):
			return protocol.Event{Kind: protocol.EventUnreachable}, nil
		case err != nil:
			return protocol.Event{}, err
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		ev, ok := x.parse(x.buf[:n])
		if !ok {
			continue
		}
		if !x.result.TID.IsValid() {
			// An ERROR may come from the request port itself; a first answer fixes
			// the session's TID (RFC 1350 §4).
			x.result.TID = from
		}
		if from != x.result.TID {
			x.send((&protocol.Error{Code: protocol.CodeUnknownTID, Message: "Unknown transfer ID"}).Append(nil), from)
			continue
		}
		return ev, nil
	}
}

func (x *exchange) parse(b []byte) (protocol.Event, bool) {
	op, err := protocol.ParseOpcode(b)
	if err != nil {
		return protocol.Event{}, false
	}
	switch op {
	case protocol.OpDATA:
		d, err := protocol.ParseData(b)
		return protocol.Event{Kind: protocol.EventData, Block: d.Block, Payload: d.Payload}, err == nil
	case protocol.OpOACK:
		o, err := protocol.ParseOACK(b)
		if err == nil {
			x.result.OACK = o.Options
		}
		return protocol.Event{Kind: protocol.EventOACK, Options: o.Options}, err == nil
	case protocol.OpERROR:
		e, err := protocol.ParseError(b)
		return protocol.Event{Kind: protocol.EventError, Err: e}, err == nil
	}
	return protocol.Event{}, false
}
