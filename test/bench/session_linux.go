package main

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// want is what a session asks for. Zero blksize and windowsize: not asked.
type want struct {
	file                string
	blksize, windowsize int
	refusal             bool // ERROR is what is expected
}

func (w want) options() []protocol.Option {
	var o []protocol.Option
	if w.blksize != 0 {
		o = append(o, protocol.Option{Name: "blksize", Value: strconv.Itoa(w.blksize)})
	}
	if w.windowsize != 0 {
		o = append(o, protocol.Option{Name: "windowsize", Value: strconv.Itoa(w.windowsize)})
	}
	return o
}

// granted says whether the server gave what was asked: a row is about that
// block size and window or about nothing.
func (w want) granted(t protocol.Terms) bool {
	return t.Blksize == cmp.Or(w.blksize, protocol.DefaultBlksize) && t.Windowsize == cmp.Or(w.windowsize, 1)
}

// session is one transfer: protocol.Receiver's decisions, carried out.
type session struct {
	fd     int
	server unix.RawSockaddrInet4
	want   want
	step   int // of the plan
	rrq    []byte
	rx     *protocol.Receiver
	wake   time.Time
	hold   bool // take the first DATA and fall silent

	connected bool // to the TID
	sent      time.Time
	first     time.Time // DATA
	agreed    time.Time // OACK or first DATA
	last      time.Time // block in order
	bytes     int64
	retries   int
	crc       uint32
	check     bool // compute crc
	done      bool
	outcome   protocol.Outcome
	err       error
	ended     time.Time
	ack       [4]byte
}

func openSession(server netip.AddrPort, rrq []byte, w want, timeout time.Duration, blocking bool) (*session, error) {
	kind := unix.SOCK_DGRAM | unix.SOCK_CLOEXEC
	if !blocking {
		kind |= unix.SOCK_NONBLOCK
	}
	fd, err := unix.Socket(unix.AF_INET, kind, 0)
	if err != nil {
		return nil, err
	}
	if blocking { // so that the receiver's timer is looked at
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 5000})
	}
	if w.blksize*max(w.windowsize, 1) > 64<<10 {
		// A window and what is sent again must fit, or the row measures the
		// client's losses. Ordinary requests keep the default: it costs a syscall.
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 2<<20)
	}
	s := &session{fd: fd, server: rawSockaddr(server), rrq: rrq, want: w}
	s.rx = protocol.NewReceiver(protocol.ReceiverConfig{Options: w.options(), Timeout: timeout, Retries: 6})
	s.ack[1] = byte(protocol.OpACK)
	return s, nil
}

func (s *session) start(now time.Time) {
	s.sent = now
	s.do(now, s.rx.Step(now, protocol.Event{Kind: protocol.EventStart}))
}

// expire is called when wake has come.
func (s *session) expire(now time.Time) {
	reply := s.rx.Step(now, protocol.Event{Kind: protocol.EventTimer})
	if reply.RRQ || reply.Ack {
		s.retries++
	}
	s.do(now, reply)
}

func (s *session) unreachable(now time.Time) {
	s.do(now, s.rx.Step(now, protocol.Event{Kind: protocol.EventUnreachable}))
}

// packet deals with one datagram. It does not keep p.
func (s *session) packet(now time.Time, p []byte, b *batch, i int) {
	if len(p) < 4 || s.done {
		return
	}
	if !s.connected {
		from := b.from(i)
		if from.Addr().As4() != s.server.Addr {
			return
		}
		if errno := rawConnect(s.fd, rawSockaddr(from)); errno != 0 {
			s.fail(now, errno)
			return
		}
		s.connected = true
	}
	var ev protocol.Event
	switch protocol.Opcode(binary.BigEndian.Uint16(p)) {
	case protocol.OpDATA:
		if s.first.IsZero() {
			s.first = now
			if s.agreed.IsZero() {
				s.agreed = now
			}
		}
		if s.hold {
			s.wake = time.Time{}
			return
		}
		ev = protocol.Event{Kind: protocol.EventData, Block: binary.BigEndian.Uint16(p[2:]), Payload: p[4:]}
	case protocol.OpOACK:
		o, err := protocol.ParseOACK(p)
		if err != nil {
			s.fail(now, err)
			return
		}
		if s.agreed.IsZero() {
			s.agreed = now
		}
		ev = protocol.Event{Kind: protocol.EventOACK, Options: o.Options}
	case protocol.OpERROR:
		e, err := protocol.ParseError(p)
		if err != nil {
			s.fail(now, err)
			return
		}
		ev = protocol.Event{Kind: protocol.EventError, Err: e}
	default:
		return
	}
	s.do(now, s.rx.Step(now, ev))
}

func (s *session) do(now time.Time, reply protocol.Reply) {
	if len(reply.Payload) > 0 {
		s.bytes += int64(len(reply.Payload))
		s.last = now
		if s.check {
			s.crc = crc32.Update(s.crc, crc32.IEEETable, reply.Payload)
		}
	}
	s.wake = reply.Wake
	if reply.RRQ {
		if errno := rawSendto(s.fd, s.rrq, &s.server); errno != 0 {
			s.fail(now, errno)
			return
		}
	}
	if reply.Ack {
		binary.BigEndian.PutUint16(s.ack[2:], reply.Block)
		rawWrite(s.fd, s.ack[:]) // what is lost is sent again
	}
	if reply.Done {
		s.done, s.outcome, s.ended = true, reply.Outcome, now
		if reply.Outcome != protocol.Complete {
			s.err = fmt.Errorf("%v", reply.Outcome)
			if reply.Err.Code != 0 || reply.Err.Message != "" {
				e := reply.Err // a pointer into reply would put every reply on the heap
				s.err = fmt.Errorf("%v: %w", reply.Outcome, &e)
			}
		}
	}
}

// refused says whether the server answered with ERROR, as it should.
func (s *session) refused() bool { return s.want.refusal && s.outcome == protocol.PeerError }

func (s *session) fail(now time.Time, err error) {
	s.done, s.ended, s.err = true, now, err
}

// errAborted ends sessions that were not meant to finish.
var errAborted = errors.New("aborted")

// close frees the socket. A server that is still sending is told, so that the
// session costs it nothing in the next measurement.
func (s *session) close(now time.Time) {
	if !s.done {
		if s.connected {
			rawWrite(s.fd, (&protocol.Error{Message: "enough"}).Append(nil))
		}
		s.fail(now, errAborted)
	}
	unix.Close(s.fd)
}
