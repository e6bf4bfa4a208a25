package ipc

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// MaxFrame bounds a frame on the stats pipe, its length prefix included. It is
// PIPE_BUF: a write of that size is all or nothing (pipe(7)).
const MaxFrame = 4096

// MaxDetail bounds Frame.Detail, in bytes; longer texts are cut by the worker.
const MaxDetail = 1024

// MaxRequest bounds Frame.Request, in bytes: one more than is parsed, so that a
// request that is too long is seen to be.
const MaxRequest = 2049

const frameHeaderLen = 2

// Kind says what a frame reports.
type Kind uint8

const (
	KindReady     Kind = iota + 1 // waiting for a job, the first one or, after KindFinal, another; no other field counts
	KindConfirmed                 // the peer's first valid ACK came; only if the job asked
	KindProgress                  // at most one a second
	KindRequest                   // the peer has sent another request to the session's socket; only if the job asked
	KindFinal                     // the session's end; no frame about it follows
	kindEnd
)

// Frame is one report of a worker: two bytes of length, then a msgpack array.
// It has no slice and no map, so a claimed length sizes nothing but the strings.
type Frame struct {
	Kind    Kind
	Session uint64 // the job's
	Outcome Outcome

	Blksize, Windowsize uint32        // as negotiated; bytes, blocks
	Size                int64         // of the whole content in bytes, -1 when unknown
	Bytes               uint64        // of content, acknowledged by the peer
	Packets             uint64        // DATA and OACK sent, the repeated ones included
	Retransmissions     uint64        // of those, sent before
	FirstSent           time.Duration // from the request's arrival to the first packet of the answer; 0: none was sent
	RoundTrip           time.Duration // to the peer, smoothed; 0: not measured

	ErrorCode uint16 // of the ERROR packet that ended the session, by either side
	Detail    string // for the log: the peer's message or the handler's error

	Request string // of KindRequest: the datagram
}

const frameFields = 14

// Append appends the frame's wire form to b. Detail is cut to MaxDetail, Request
// to MaxRequest.
func (f *Frame) Append(b []byte) ([]byte, error) {
	e := NewEncoder(frameFields)
	e.Uint(uint64(f.Kind))
	e.Uint(f.Session)
	e.Uint(uint64(f.Outcome))
	e.Uint(uint64(f.Blksize))
	e.Uint(uint64(f.Windowsize))
	e.Int(f.Size)
	e.Uint(f.Bytes)
	e.Uint(f.Packets)
	e.Uint(f.Retransmissions)
	e.Duration(f.FirstSent)
	e.Duration(f.RoundTrip)
	e.Uint(uint64(f.ErrorCode))
	e.Text(f.Detail[:min(len(f.Detail), MaxDetail)])
	e.Text(f.Request[:min(len(f.Request), MaxRequest)])
	body, err := e.Bytes()
	if err != nil {
		return b, err
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	return append(b, body...), nil
}

func decodeFrame(body []byte) (Frame, error) {
	d := NewDecoder(body, frameFields)
	f := Frame{
		Kind:            Kind(d.Uint(uint64(kindEnd) - 1)),
		Session:         d.Uint(math.MaxUint64),
		Outcome:         Outcome(d.Uint(uint64(reportable) - 1)),
		Blksize:         uint32(d.Uint(math.MaxUint16)),
		Windowsize:      uint32(d.Uint(math.MaxUint16)),
		Size:            d.Int(),
		Bytes:           d.Uint(math.MaxInt64),
		Packets:         d.Uint(math.MaxInt64),
		Retransmissions: d.Uint(math.MaxInt64),
		FirstSent:       d.Duration(),
		RoundTrip:       d.Duration(),
		ErrorCode:       uint16(d.Uint(math.MaxUint16)),
		Detail:          d.Text(),
		Request:         d.Text(),
	}
	switch {
	case f.Kind == 0:
		d.Keep(fmt.Errorf("kind 0"))
	case f.Kind == KindFinal && !f.Outcome.Reportable():
		d.Keep(fmt.Errorf("final stats without an outcome"))
	case f.Size < -1 || f.FirstSent < 0 || f.RoundTrip < 0:
		d.Keep(fmt.Errorf("size %d, first packet after %d ns, round trip of %d ns", f.Size, f.FirstSent, f.RoundTrip))
	case len(f.Detail) > MaxDetail:
		d.Keep(fmt.Errorf("detail of %d bytes", len(f.Detail)))
	case len(f.Request) > MaxRequest:
		d.Keep(fmt.Errorf("request of %d bytes", len(f.Request)))
	case f.Request != "" && f.Kind != KindRequest:
		d.Keep(fmt.Errorf("a request in a frame of kind %d", f.Kind))
	}
	if err := d.End(); err != nil {
		return Frame{}, err
	}
	return f, nil
}

// FrameReader cuts what comes out of a stats pipe into frames. The zero value
// is ready. It holds at most one incomplete frame and gives its memory back
// when there is none, so that a thousand idle workers cost nothing.
type FrameReader struct {
	rest []byte
}

// Feed decodes the frames that chunk completes and calls yield for each. After
// an error the stream has no meaning any more and the worker is to be killed.
func (r *FrameReader) Feed(chunk []byte, yield func(Frame)) error {
	if len(r.rest) > 0 {
		chunk = append(r.rest, chunk...)
	}
	for len(chunk) >= frameHeaderLen {
		n := frameHeaderLen + int(binary.BigEndian.Uint16(chunk))
		if n > MaxFrame {
			return fmt.Errorf("%w: a frame of %d bytes", ErrMalformed, n)
		}
		if len(chunk) < n {
			break
		}
		f, err := decodeFrame(chunk[frameHeaderLen:n])
		if err != nil {
			return err
		}
		yield(f)
		chunk = chunk[n:]
	}
	r.rest = nil
	if len(chunk) > 0 {
		r.rest = append(r.rest, chunk...)
	}
	return nil
}

// Partial says whether a frame was begun and not ended: at the end of the
// stream, that the worker died in the middle of a word.
func (r *FrameReader) Partial() bool { return len(r.rest) > 0 }
