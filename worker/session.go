package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/protocol"
)

// abandonGrace is what an Open that noticed the end of its context has to return.
const abandonGrace = 250 * time.Millisecond

var (
	errOpenTimeout   = errors.New("the deadline for opening has passed")
	openTimeoutError = &protocol.Error{Code: protocol.CodeUndefined, Message: "Server took too long to open the file"}
)

// Session is one request on its way through a handler. Dispatch runs one for each
// job; package workertest runs one for a handler under test.
type Session struct {
	Job         ipc.Job
	Socket      int // connected to the peer, blocking; stays the caller's
	Handler     Handler
	OpenTimeout time.Duration
	Report      func(*ipc.Frame) // progress; must not keep the frame

	// Abandon is called, from another goroutine, when Open has outlived its
	// deadline: the client has been told, and Run may never return.
	Abandon func(*ipc.Frame)

	in       []byte // for what the peer sends, which is ACK and ERROR: a longer text is cut
	socket   socket
	stats    ipc.Frame
	received time.Time               // by the clock of this process
	cancel   context.CancelCauseFunc // ends the handler's context
	response Response
	ahead    *ahead // reads response, if that may keep its reader waiting
}

// Run serves the session to its end and returns its final stats. Close must
// follow: what the handler has opened is still open, so that whoever waits for
// the stats does not wait for the handler.
func (s *Session) Run() *ipc.Frame {
	s.socket = socket{fd: s.Socket, eager: eager{rest: eagerFirst}}
	s.stats = ipc.Frame{Session: s.Job.Session, Size: -1}
	s.received = s.Job.Received.Time()
	if s.in == nil {
		s.in = make([]byte, ipc.MaxRequest)
	}

	var ctx context.Context
	ctx, s.cancel = context.WithCancelCause(context.Background())
	stop := s.watch(s.cancel)
	req := s.request()
	resp, err := s.Handler.Open(ctx, req)
	if err == nil && resp == nil {
		err = errors.New("the handler returned neither a response nor an error")
	}
	var t *transfer
	if err == nil {
		s.response = resp
		t, err = s.begin(resp, req.Quirks)
	}
	late := stop()
	switch {
	case late:
		// Also if there is a response: its context has ended.
		return s.end(ipc.OutcomeOpenTimeout, openTimeoutError, cmp.Or(err, errOpenTimeout).Error())
	case err != nil:
		return s.end(ipc.OutcomeRefused, ErrorFor(err), explained(err))
	}
	return t.run()
}

// Close closes the response and ends the handler's context. It says whether
// nothing of the session goes on: a Read does that did not return when it was
// told by the end of its context. Then the response stays open, because it can't
// be closed while it is read.
func (s *Session) Close() bool {
	defer s.cancel(nil)
	if s.ahead != nil && !s.ahead.stop(func() { s.cancel(nil) }) {
		return false
	}
	if s.response != nil {
		s.response.Close()
	}
	// A timer that was stopped may keep its function, and that this session, for
	// a while.
	s.response, s.ahead = nil, nil
	return true
}

// watch bounds Open and the reading of the first block by timers. The handler
// does not get a goroutine of its own for that: a panic then unwinds through the
// frames that caused it, and the usual case costs no switch.
func (s *Session) watch(cancel context.CancelCauseFunc) (stop func() (late bool)) {
	notice := time.AfterFunc(s.OpenTimeout, func() { cancel(errOpenTimeout) })
	abandon := time.AfterFunc(s.OpenTimeout+abandonGrace, func() {
		// A frame and a write of its own: s belongs to the goroutine that hangs.
		unix.Write(s.Socket, openTimeoutError.Append(nil))
		s.Abandon(&ipc.Frame{
			Kind:      ipc.KindFinal,
			Session:   s.Job.Session,
			Outcome:   ipc.OutcomeOpenTimeout,
			Size:      -1,
			ErrorCode: uint16(openTimeoutError.Code),
			Detail:    fmt.Sprintf("no content within %v, and the handler does not return", s.OpenTimeout),
		})
	})
	return func() (late bool) {
		late = !notice.Stop()
		if !abandon.Stop() {
			select {} // Abandon is ending this process
		}
		return late
	}
}

// options are the request's as they came, whatever a handler does to its own.
func (s *Session) options() []protocol.Option {
	options := make([]protocol.Option, len(s.Job.Options))
	for i, o := range s.Job.Options {
		options[i] = protocol.Option(o)
	}
	return options
}

func (s *Session) mode() protocol.Mode { return protocol.Mode(s.Job.Mode) }

func (s *Session) request() *Request {
	return &Request{
		Peer:     s.Job.Peer,
		Local:    s.Job.Local,
		MAC:      s.Job.MAC,
		File:     s.Job.File,
		Mode:     s.mode(),
		Options:  s.options(),
		Received: s.received,
	}
}

// end tells the client, and returns the final stats.
func (s *Session) end(outcome ipc.Outcome, e *protocol.Error, detail string) *ipc.Frame {
	before := time.Since(s.received) // the client may answer before the call returns
	switch err := s.socket.write(e.Append(nil)); {
	case err == nil:
		if s.stats.FirstSent == 0 {
			s.stats.FirstSent = max(before, 1)
		}
	case errors.Is(err, unix.EPIPE):
		// The supervisor shut this direction too: the client is not to hear of it.
	default:
		detail += fmt.Sprintf(" (and the ERROR could not be sent: %v)", err)
	}
	s.stats.Outcome, s.stats.ErrorCode, s.stats.Detail = outcome, uint16(e.Code), detail
	return s.final()
}

func (s *Session) final() *ipc.Frame {
	s.stats.Kind = ipc.KindFinal
	return &s.stats
}
