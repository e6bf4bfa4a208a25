package worker

import (
	"context"
	"io"
	"net/netip"
	"time"

	"brood/protocol"
)

// A Handler decides what a client gets. It is made by the constructor given to
// Dispatch, inside the worker process, and never runs in the supervisor: what
// it breaks, it breaks for one session.
type Handler interface {
	// Open returns the content of one request, or an error that ErrorFor turns
	// into the client's ERROR packet. It has Options.OpenTimeout to do so: then
	// ctx ends, and an Open that still does not return costs the client an ERROR
	// and the worker its life. When Open has returned in time, ctx lives until
	// the session ends, so a Response may go on using it. The session closes the
	// Response.
	Open(ctx context.Context, req *Request) (Response, error)
}

// HandlerFunc makes a Handler of a function.
type HandlerFunc func(ctx context.Context, req *Request) (Response, error)

// Open calls f.
func (f HandlerFunc) Open(ctx context.Context, req *Request) (Response, error) { return f(ctx, req) }

// A Request is one read request (RFC 1350 §5) as a Handler sees it.
type Request struct {
	Peer  netip.AddrPort // the client's address and port (its TID)
	Local netip.AddrPort // ours: the address that the client asked, with this session's port

	// MAC is the client's hardware address as the neighbour table had it when
	// the request came, in the form 52:54:00:12:34:56; empty when the client is
	// not on link or not known. It is what the network says, not proof.
	MAC string

	File    string            // the file name's bytes as sent: not always UTF-8, never empty, never holding NUL
	Mode    protocol.Mode     // octet or netascii
	Options []protocol.Option // as asked, in their order; each name once

	Received time.Time // when the supervisor read the request from its port

	// Quirks is empty when the request comes. What a handler puts there, in Open
	// and on the Request that it was given, the session negotiates by. One that
	// hands a copy on to another handler adds that one's quirks to its own
	// (Quirks.And).
	Quirks Quirks
}

// A Response is the content of one session. The session reads it once, from
// start to end, and closes it when the client has all of it or the session ends
// otherwise.
//
// Read may keep its caller waiting: it is called ahead of the client, by one
// goroutine that is not the session's own. When the session ends while a Read is
// under way, the context that Open was given ends; a Read that returns within a
// quarter of a second then is followed by Close, one that doesn't is left alone
// and costs the worker its life.
//
// A Response that is an io.ReaderAt, too, has its content at hand, in memory or
// in a file. It is read by Read as well, but on the session's own goroutine and
// as the client needs it, which is faster. What File returns is faster still.
type Response interface {
	io.ReadCloser

	// Size is the number of bytes that Read will return, and whether it is known.
	// A known size is promised to a client that asks for tsize (RFC 2349): a
	// Response that ends before it ends the session with an ERROR, and what lies
	// beyond it is not read.
	Size() (size int64, known bool)
}
