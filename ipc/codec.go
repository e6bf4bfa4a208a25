package ipc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// ErrMalformed is the cause of every refused message.
var ErrMalformed = errors.New("ipc: malformed message")

// Messages are msgpack arrays of a fixed number of fields, written and read one
// by one. Decoding by reflection would be shorter, but it sizes its allocations
// by lengths that the sender claims and skips what it does not know by recursion;
// both let a few bytes kill the reader. Here a length is believed only up to the
// bytes that are there, and each field has the one type that its encoder gives
// it: the library's own decoders read nil as zero, a negative number as a huge
// one and a huge one as negative.

type encoder struct {
	*msgpack.Encoder
	buf bytes.Buffer
	err error
}

func newEncoder(fields int) *encoder {
	e := &encoder{}
	e.Encoder = msgpack.NewEncoder(&e.buf)
	e.array(fields)
	return e
}

func (e *encoder) keep(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *encoder) array(n int)              { e.keep(e.EncodeArrayLen(n)) }
func (e *encoder) uint(v uint64)            { e.keep(e.EncodeUint(v)) }
func (e *encoder) int(v int64)              { e.keep(e.EncodeInt(v)) }
func (e *encoder) string(v string)          { e.keep(e.EncodeString(v)) }
func (e *encoder) duration(v time.Duration) { e.int(int64(v)) }

func (e *encoder) addr(a netip.AddrPort) {
	b, err := a.MarshalBinary()
	e.keep(err)
	e.keep(e.EncodeBytes(b))
}

func (e *encoder) bytes() ([]byte, error) { return e.buf.Bytes(), e.err }

type decoder struct {
	*msgpack.Decoder
	src *bytes.Reader
	err error
}

func newDecoder(b []byte, fields int) *decoder {
	d := &decoder{src: bytes.NewReader(b)}
	d.Decoder = msgpack.NewDecoder(d.src)
	if n := d.array(); d.err == nil && n != fields {
		d.keep(fmt.Errorf("%d fields, want %d", n, fields))
	}
	return d
}

func (d *decoder) keep(err error) {
	if d.err == nil && err != nil {
		d.err = err
	}
}

// next says whether the next field is of the wanted type.
func (d *decoder) next(want string, is func(code byte) bool) bool {
	if d.err != nil {
		return false
	}
	code, err := d.PeekCode()
	if err == nil && !is(code) {
		err = fmt.Errorf("type code %#x in place of %s", code, want)
	}
	d.keep(err)
	return err == nil
}

// length is a claimed number of elements or bytes, each at least one byte long.
func (d *decoder) length(n int, err error) int {
	if err == nil && (n < 0 || n > d.src.Len()) {
		err = io.ErrUnexpectedEOF
	}
	d.keep(err)
	if d.err != nil {
		return 0
	}
	return n
}

func (d *decoder) array() int {
	if !d.next("an array", isArray) {
		return 0
	}
	return d.length(d.DecodeArrayLen())
}

func (d *decoder) raw(want string, is func(byte) bool) []byte {
	if !d.next(want, is) {
		return nil
	}
	b := make([]byte, d.length(d.DecodeBytesLen()))
	if d.err == nil {
		d.keep(d.ReadFull(b))
	}
	return b
}

func (d *decoder) string() string { return string(d.raw("a string", msgpcode.IsString)) }

// uint returns 0 for what is over most.
func (d *decoder) uint(most uint64) uint64 {
	if !d.next("an unsigned number", isUint) {
		return 0
	}
	v, err := d.DecodeUint64()
	if err == nil && v > most {
		err = fmt.Errorf("%d is over %d", v, most)
	}
	d.keep(err)
	if err != nil {
		return 0
	}
	return v
}

func (d *decoder) int() int64 {
	if !d.next("a number", isInt) {
		return 0
	}
	if code, _ := d.PeekCode(); isUint(code) {
		return int64(d.uint(math.MaxInt64))
	}
	v, err := d.DecodeInt64()
	d.keep(err)
	return v
}

func (d *decoder) duration() time.Duration { return time.Duration(d.int()) }

func (d *decoder) addr() netip.AddrPort {
	var a netip.AddrPort
	if b := d.raw("an address", msgpcode.IsBin); d.err == nil {
		d.keep(a.UnmarshalBinary(b))
	}
	return a
}

// end reports the first fault, a left-over byte included.
func (d *decoder) end() error {
	if d.err == nil && d.src.Len() > 0 {
		d.err = fmt.Errorf("%d bytes left over", d.src.Len())
	}
	if d.err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, d.err)
	}
	return nil
}

func isArray(code byte) bool {
	return msgpcode.IsFixedArray(code) || code == msgpcode.Array16 || code == msgpcode.Array32
}

func isUint(code byte) bool {
	return code <= msgpcode.PosFixedNumHigh || msgpcode.Uint8 <= code && code <= msgpcode.Uint64
}

func isInt(code byte) bool {
	return msgpcode.IsFixedNum(code) || msgpcode.Uint8 <= code && code <= msgpcode.Int64
}
