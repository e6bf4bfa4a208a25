package worker

import (
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/protocol"
)

// maxWindowBytes bounds the memory of one window: a client that asks for 65,535
// blocks of 65,464 bytes is answered with a smaller window (RFC 7440 §3 lets the
// server choose one).
const maxWindowBytes = 8 << 20

// progressEvery is the least time between two progress frames.
const progressEvery = time.Second

// transfer is a session from its first packet on.
type transfer struct {
	*Session
	sender    *protocol.Sender
	window    *window
	oack      []byte // nil when no option was accepted
	offered   uint64 // blocks that the sender knows of
	rest      int    // windows that are not to be read ahead: that has kept an ACK waiting
	confirmed bool
	told      time.Time // of the last progress frame
	mayHand   time.Time // back to the supervisor, one request; up to MaxHandBacks earlier
	failed    error     // of the content or the socket: the session can't go on
	soft      error     // the last send that failed and was left to the timer
	gone      bool      // the kernel had word that the peer's port is closed
}

// begin negotiates and reads the first block, before anything is answered: a
// client must not hear of an error after the OACK that could have come in its
// place.
func (s *Session) begin(resp Response, quirks Quirks) (*transfer, error) {
	size, known := resp.Size()
	if !known || size < 0 {
		size = -1
	}
	s.stats.Size = size
	terms, accepted := protocol.Negotiate(quirks.heeded(s.options()), s.mode(), size, s.limits(quirks))
	s.stats.Blksize, s.stats.Windowsize = uint32(terms.Blksize), uint32(terms.Windowsize)
	sender := protocol.NewSender(protocol.SenderConfig{
		Windowsize: terms.Windowsize,
		Rollover:   terms.Rollover,
		OACK:       len(accepted) > 0,
		Timeout:    terms.Timeout,
		Fixed:      terms.TimeoutAsked,
		Retries:    s.Job.Retries,
	})
	t := &transfer{
		Session: s,
		sender:  sender,
	}
	file, isFile := resp.(*fileResponse)
	isFile = isFile && s.mode() == protocol.Octet && terms.Windowsize > 1
	_, isAt := resp.(io.ReaderAt)
	source := &content{size: size}
	switch {
	case isFile:
	case isAt:
		source = newContent(resp, size, s.mode())
	default:
		var err error
		if source, err = newSlowContent(resp, size, s.mode()); err != nil {
			return nil, err
		}
		s.ahead = source.ahead
	}
	if file, ok := resp.(*fileResponse); ok {
		source.unchanged = file.unchanged
	}
	t.window = newWindow(source, terms.Blksize, terms.Windowsize, sender.Wire)
	if isFile {
		t.window.direct = newDirect(int(file.Fd()), t.window)
	}
	if terms.Windowsize > 1 {
		t.socket.segmentBy(t.window.stride, s.Job.MaxBurst)
	}
	if len(accepted) > 0 {
		t.oack = protocol.OACK{Options: accepted}.Append(nil)
	}
	t.window.await()
	return t, t.window.fill(1)
}

func (t *transfer) run() *ipc.Frame {
	t.told = time.Now()
	action := t.step(t.told, protocol.Event{Kind: protocol.EventStart})
	if t.Job.Confirm {
		t.tell(ipc.KindProgress)
	}
	for !action.Done && t.failed == nil {
		ev, err := t.next(action.Wake)
		switch {
		case errors.Is(err, errClosed):
			return t.abort(ipc.OutcomeStopped, &protocol.Error{Message: "Server ended the session"}, err.Error())
		case err != nil:
			return t.abort(ipc.OutcomeAborted, ErrorFor(err), fmt.Sprintf("receiving: %v", err))
		}
		now := time.Now()
		action = t.step(now, ev)
		t.progress(now)
	}
	if t.failed != nil {
		return t.abort(ipc.OutcomeAborted, ErrorFor(t.failed), explained(t.failed))
	}
	t.count()
	t.stats.Outcome = outcomes[action.Outcome]
	switch t.stats.Outcome {
	case ipc.OutcomePeerError, ipc.OutcomeDeclined:
		t.stats.ErrorCode = uint16(action.Err.Code)
		t.stats.Detail = action.Err.Message
	case ipc.OutcomeTimedOut:
		if t.soft != nil {
			t.stats.Detail = fmt.Sprintf("sending: %v", t.soft)
		}
	}
	return t.final()
}

var outcomes = [...]ipc.Outcome{
	protocol.Complete:  ipc.OutcomeComplete,
	protocol.Declined:  ipc.OutcomeDeclined,
	protocol.PeerError: ipc.OutcomePeerError,
	protocol.TimedOut:  ipc.OutcomeTimedOut,
	protocol.PeerGone:  ipc.OutcomePeerGone,
}

// next waits for what happens next: a packet that means something, or the timer.
func (t *transfer) next(wake time.Time) (protocol.Event, error) {
	for {
		// The kernel tells of an error before it gives what came earlier: the ACK
		// of the last block, say, of a client that then closed its port and was
		// sent that block once more.
		if t.gone && !t.socket.pending() {
			t.gone = false
			return protocol.Event{Kind: protocol.EventUnreachable}, nil
		}
		if t.window.starved(t.wanted()) {
			switch fed, received := t.fed(wake); {
			case fed:
				// step takes what has come.
				return protocol.Event{Kind: protocol.EventContent, Blocks: t.offered}, nil
			case !received:
				return protocol.Event{Kind: protocol.EventTimer}, nil
			}
		}
		n, err := t.socket.read(t.in, wake)
		switch {
		case errors.Is(err, errDeadline):
			return protocol.Event{Kind: protocol.EventTimer}, nil
		case err == nil:
			if ev, ok := parse(t.in[:n]); ok {
				return ev, nil
			}
			if t.Job.HandBack {
				t.handBack(t.in[:n])
			}
		case t.lost(err):
			return protocol.Event{}, err
		}
	}
}

// wanted is the last block that may be sent: what was acknowledged makes room.
func (t *transfer) wanted() uint64 { return t.sender.Acked() + t.window.most }

// slowRead is longer than it takes to read a window that lies in memory.
const slowRead = time.Millisecond

// fill reads what may be sent. When that is on its way it reads the next window, too, where
// the thread would only look for the ACK meanwhile: one that sleeps has others to make room
// for, and finds what it has read out of the CPU's cache. A source that is slow is left alone
// for a while: the ACK waits for that, and would seem to have come late.
func (t *transfer) fill() error {
	err := t.window.fill(t.wanted())
	switch {
	case err != nil || t.window.read != t.offered || !t.socket.eager.looks():
		return err
	case t.rest > 0:
		t.rest--
		return nil
	}
	began := time.Now()
	err = t.window.fill(t.sender.Acked() + uint64(t.window.slots))
	if time.Since(began) > slowRead {
		t.rest = eagerRest
	}
	return err
}

// fed waits until a slow source has given something to send, or the socket has
// received something, or the deadline has come.
func (t *transfer) fed(wake time.Time) (fed, received bool) {
	a := t.window.source.ahead
	if a.call(t.window.stride - dataHeaderLen) {
		return true, false
	}
	if fed, received = t.socket.wait(a.bell, wake); fed {
		a.hush()
	}
	return fed, received
}

// parse returns what a peer may say to a sender. Everything else is passed over
// in silence: an ERROR in answer could be answered by an ERROR.
func parse(b []byte) (protocol.Event, bool) {
	op, err := protocol.ParseOpcode(b)
	if err != nil {
		return protocol.Event{}, false
	}
	switch op {
	case protocol.OpACK:
		ack, err := protocol.ParseAck(b)
		return protocol.Event{Kind: protocol.EventAck, Block: ack.Block}, err == nil
	case protocol.OpERROR:
		e, err := protocol.ParseError(b)
		return protocol.Event{Kind: protocol.EventError, Err: e}, err == nil
	default:
		return protocol.Event{}, false
	}
}

// lost says whether an error of the socket ends the session. Most are news about
// one packet, which the timer repairs like any loss: a route that flaps, a full
// queue (ENOBUFS), a firewall (EPERM). A closed port at the peer is final, but it
// is the Sender that says what it means.
func (t *transfer) lost(err error) bool {
	switch {
	case errors.Is(err, unix.ECONNREFUSED):
		t.gone = true
		return false
	case errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.ENOMEM), errors.Is(err, unix.EPERM),
		errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.ENETDOWN),
		errors.Is(err, unix.EHOSTDOWN), errors.Is(err, unix.EMSGSIZE), errors.Is(err, unix.EPROTO),
		errors.Is(err, unix.ENOPROTOOPT), errors.Is(err, unix.EACCES), errors.Is(err, unix.EINVAL),
		errors.Is(err, unix.EADDRNOTAVAIL), errors.Is(err, unix.EPIPE):
		t.soft = err
		return false
	default:
		return true
	}
}

// step tells the sender one thing, does what it says, and goes on telling it of
// content that was read meanwhile until it has nothing more to send.
func (t *transfer) step(now time.Time, ev protocol.Event) protocol.Action {
	action := t.sender.Step(now, ev)
	for {
		t.send(now, action)
		if action.Done || t.failed != nil {
			return action
		}
		if t.failed = t.fill(); t.failed != nil {
			return action
		}
		if t.window.read == t.offered {
			return action
		}
		t.offered = t.window.read
		// Reading may have taken a while, which the peer must not be charged for:
		// its timeout runs from when the packet goes out.
		now = time.Now()
		action = t.sender.Step(now, protocol.Event{
			Kind:   protocol.EventContent,
			Blocks: t.window.read,
			Final:  t.window.final != 0,
		})
	}
}

func (t *transfer) send(now time.Time, action protocol.Action) {
	if action.OACK {
		t.sent(now, 1, t.socket.write(t.oack))
	}
	for first, left := action.First, uint64(action.Count); left > 0; {
		p, n := t.window.run(first, left)
		t.sent(now, n, t.socket.writeAll(p, t.window.stride))
		first, left = first+n, left-n
	}
	t.stats.Retransmissions += uint64(action.Again)
}

// sent counts packets that were given to the kernel.
func (t *transfer) sent(now time.Time, packets uint64, err error) {
	if t.stats.FirstSent == 0 {
		t.stats.FirstSent = max(now.Sub(t.received), 1)
	}
	t.stats.Packets += packets
	if err != nil && t.lost(err) {
		t.failed = fmt.Errorf("sending: %w", err)
	}
}

// progress reports at most once a second, and at once the first valid ACK when
// the supervisor waits for it.
func (t *transfer) progress(now time.Time) {
	first := !t.confirmed && t.sender.Confirmed()
	if first {
		t.confirmed = true
	}
	tell := first && t.Job.Confirm
	if !tell && now.Sub(t.told) < progressEvery {
		return
	}
	t.told = now
	kind := ipc.KindProgress
	if tell {
		kind = ipc.KindConfirmed
	}
	t.tell(kind)
}

func (t *transfer) tell(kind ipc.Kind) {
	t.count()
	t.stats.Kind = kind
	t.Report(&t.stats)
}

// handBack passes on what is a request and was meant for the listener. The client
// repeats it if it is lost.
func (t *transfer) handBack(b []byte) {
	if !protocol.IsRequest(b) {
		return
	}
	const each = time.Second / ipc.MaxHandBacks
	if now := time.Now(); t.mayHand.Before(now) {
		t.mayHand = now
	} else if t.mayHand.Sub(now) > time.Second-each {
		return
	}
	t.mayHand = t.mayHand.Add(each)
	t.stats.Request = string(b)
	t.tell(ipc.KindRequest)
	t.stats.Request = ""
}

func (t *transfer) count() {
	t.stats.Bytes, t.stats.RoundTrip = t.window.bytes(t.sender.Acked()), t.sender.RoundTrip()
}

// abort ends a session that has begun to transfer.
func (t *transfer) abort(outcome ipc.Outcome, e *protocol.Error, detail string) *ipc.Frame {
	t.count()
	return t.end(outcome, e, detail)
}
