package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"brood/protocol"
)

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
	onAnswer func(*Result)
	begun    time.Time
	answered bool
	gone     bool  // ICMP said that nobody listens
	unheard  error // what else it said last
	result   Result
	buf      [65536]byte
}

func (x *exchange) run(ctx context.Context) error {
	x.begun = time.Now()
	reply := x.receiver.Step(x.begun, protocol.Event{Kind: protocol.EventStart})
	for {
		if err := x.act(reply); err != nil {
			return err
		}
		if reply.Done && (!x.dally || reply.Outcome != protocol.Complete || time.Now().After(reply.Wake)) {
			break
		}
		ev, err := x.next(ctx, reply.Wake)
		if err != nil {
			if !reply.Done {
				x.giveUp(protocol.Error{Message: "the client gave up"})
			}
			return err
		}
		reply = x.receiver.Step(time.Now(), ev)
	}
	if reply.Outcome == protocol.Complete {
		return x.write(x.decoder.Flush(nil))
	}
	err := &Error{Outcome: reply.Outcome, Answered: x.answered}
	switch reply.Outcome {
	case protocol.PeerError, protocol.Refused:
		err.Err = &reply.Err
	case protocol.PeerGone:
		err.Err = syscall.ECONNREFUSED
	default:
		err.Err = x.unheard
	}
	return err
}

func (x *exchange) act(reply protocol.Reply) error {
	if (reply.Ack || len(reply.Payload) > 0) && !x.answered {
		x.answer()
	}
	if len(reply.Payload) > 0 {
		content := reply.Payload
		if x.netascii {
			content = x.decoder.Append(nil, content)
		}
		if err := x.write(content); err != nil {
			if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
				x.giveUp(protocol.Error{Code: protocol.CodeDiskFull, Message: "the client's disk is full"})
			} else {
				x.giveUp(protocol.Error{Message: "the client can't write"})
			}
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

// answer is called when the server has answered with OACK or DATA, and before what
// it sends then.
func (x *exchange) answer() {
	x.answered = true
	x.learn()
	if w := x.result.Terms.Windowsize; w > 1 {
		x.result.Cramped = !makeRoom(x.conn, w, x.result.Terms.Blksize)
	}
	if x.onAnswer != nil {
		x.onAnswer(&x.result)
	}
}

// learn takes over what the receiver knows of the session.
func (x *exchange) learn() {
	x.result.Terms = x.receiver.Terms()
	if size, ok := x.receiver.Size(); ok {
		x.result.Size = size
	}
}

func (x *exchange) write(b []byte) error {
	n, err := x.w.Write(b)
	x.result.Bytes += int64(n)
	return err
}

// giveUp tells a server that there is no use in sending more. That it can't be told
// is no news: something else has gone wrong before.
func (x *exchange) giveUp(e protocol.Error) {
	if x.result.TID.IsValid() {
		x.send(e.Append(nil), x.result.TID)
	}
}

func (x *exchange) send(b []byte, to netip.AddrPort) error {
	_, err := x.conn.WriteToUDPAddrPort(b, to)
	if err != nil && x.hear() {
		// It was not sent: the kernel told of an earlier packet instead.
		_, err = x.conn.WriteToUDPAddrPort(b, to)
	}
	return err
}

// hear takes what ICMP said of packets to this server, and reports whether there
// was anything at all.
func (x *exchange) hear() bool {
	to := x.server
	if x.result.TID.IsValid() {
		to = x.result.TID
	}
	heard := false
	readErrors(x.conn, func(dest netip.AddrPort, err syscall.Errno) {
		heard = true
		switch {
		case dest != netip.AddrPortFrom(to.Addr().WithZone(""), to.Port()): // a stranger that was told so, or an earlier session
		case err == syscall.ECONNREFUSED:
			x.gone = true
		default:
			x.unheard = err
		}
	})
	return heard
}

// lastWords is how long to read on after the peer has gone: the kernel tells that
// before what arrived earlier.
const lastWords = 5 * time.Millisecond

// next waits for a packet of the session, or for the timer.
func (x *exchange) next(ctx context.Context, wake time.Time) (protocol.Event, error) {
	for {
		if x.gone {
			wake = time.Now().Add(lastWords)
		}
		x.conn.SetReadDeadline(wake)
		if err := ctx.Err(); err != nil { // it may have ended before that call
			return protocol.Event{}, err
		}
		n, from, err := x.conn.ReadFromUDPAddrPort(x.buf[:])
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && x.gone:
			return protocol.Event{Kind: protocol.EventUnreachable}, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return protocol.Event{Kind: protocol.EventTimer}, nil
		case err != nil && x.hear():
			continue
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
			// the session's TID (RFC 1350 §4). A later block is none: an earlier
			// session from this socket repeats its end.
			if ev.Kind == protocol.EventData && ev.Block != 1 {
				continue
			}
			x.result.TID = from
			x.result.Answer = time.Since(x.begun)
		}
		if !same(from, x.result.TID) {
			x.send((&protocol.Error{Code: protocol.CodeUnknownTID, Message: "Unknown transfer ID"}).Append(nil), from)
			continue
		}
		x.result.TID = from // by its latest name
		return ev, nil
	}
}

// same says whether two addresses are one. The net package calls a link by its name or,
// where it has not heard of it, by its number, and looks for new ones now and then: so the
// one may become the other in the middle of a session.
func same(a, b netip.AddrPort) bool {
	if a == b {
		return true
	}
	x, y := a.Addr(), b.Addr()
	return a.Port() == b.Port() && x.WithZone("") == y.WithZone("") && x.Zone() != "" && y.Zone() != "" &&
		link(x.Zone()) == link(y.Zone())
}

// link is the number of the link that a zone names.
func link(zone string) string {
	if i, err := net.InterfaceByName(zone); err == nil {
		return strconv.Itoa(i.Index)
	}
	return zone
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
