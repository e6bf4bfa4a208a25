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

// Encoder writes a message field by field.
type Encoder struct {
	to  *msgpack.Encoder
	buf bytes.Buffer
	err error
}

// NewEncoder begins a message of so many fields.
func NewEncoder(fields int) *Encoder {
	e := &Encoder{}
	e.to = msgpack.NewEncoder(&e.buf)
	e.Array(fields)
	return e
}

// Keep notes the first fault.
func (e *Encoder) Keep(err error) {
	if e.err == nil {
		e.err = err
	}
}

// The types of fields; an Array has the elements that are written next.
func (e *Encoder) Array(n int)              { e.Keep(e.to.EncodeArrayLen(n)) }
func (e *Encoder) Uint(v uint64)            { e.Keep(e.to.EncodeUint(v)) }
func (e *Encoder) Int(v int64)              { e.Keep(e.to.EncodeInt(v)) }
func (e *Encoder) Text(v string)            { e.Keep(e.to.EncodeString(v)) }
func (e *Encoder) Duration(v time.Duration) { e.Int(int64(v)) }

// Addr writes an address in its binary form.
func (e *Encoder) Addr(a netip.AddrPort) {
	b, err := a.MarshalBinary()
	e.Keep(err)
	e.Keep(e.to.EncodeBytes(b))
}

// Bytes returns the message, or the first fault.
func (e *Encoder) Bytes() ([]byte, error) { return e.buf.Bytes(), e.err }

// Decoder reads a message field by field. After the first fault every field is its
// zero value.
type Decoder struct {
	from msgpack.Decoder
	src  bytes.Reader // of all
	all  []byte
	err  error
}

// NewDecoder begins to read a message that must have so many fields. No field keeps a
// part of b, which must not change before End.
func NewDecoder(b []byte, fields int) *Decoder {
	d := &Decoder{all: b}
	d.src.Reset(b)
	d.from.Reset(&d.src)
	if n := d.Array(); d.err == nil && n != fields {
		d.Keep(fmt.Errorf("%d fields, want %d", n, fields))
	}
	return d
}

// Keep notes the first fault.
func (d *Decoder) Keep(err error) {
	if d.err == nil && err != nil {
		d.err = err
	}
}

// next says whether the next field is of the wanted type.
func (d *Decoder) next(want string, is func(code byte) bool) bool {
	if d.err != nil {
		return false
	}
	code, err := d.from.PeekCode()
	if err == nil && !is(code) {
		err = fmt.Errorf("type code %#x in place of %s", code, want)
	}
	d.Keep(err)
	return err == nil
}

// length is a claimed number of elements or bytes, each at least one byte long.
func (d *Decoder) length(n int, err error) int {
	if err == nil && (n < 0 || n > d.src.Len()) {
		err = io.ErrUnexpectedEOF
	}
	d.Keep(err)
	if d.err != nil {
		return 0
	}
	return n
}

// Array returns how many elements follow.
func (d *Decoder) Array() int {
	if !d.next("an array", isArray) {
		return 0
	}
	return d.length(d.from.DecodeArrayLen())
}

// raw returns a part of the message as it lies there.
func (d *Decoder) raw(want string, is func(byte) bool) []byte {
	if !d.next(want, is) {
		return nil
	}
	n := d.length(d.from.DecodeBytesLen())
	at := len(d.all) - d.src.Len()
	d.src.Seek(int64(n), io.SeekCurrent)
	return d.all[at : at+n : at+n]
}

// Text reads a string.
func (d *Decoder) Text() string { return string(d.raw("a string", msgpcode.IsString)) }

// Uint returns 0 for what is over most.
func (d *Decoder) Uint(most uint64) uint64 {
	if !d.next("an unsigned number", isUint) {
		return 0
	}
	v, err := d.from.DecodeUint64()
	if err == nil && v > most {
		err = fmt.Errorf("%d is over %d", v, most)
	}
	d.Keep(err)
	if err != nil {
		return 0
	}
	return v
}

// Int reads a number of either sign.
func (d *Decoder) Int() int64 {
	if !d.next("a number", isInt) {
		return 0
	}
	if code, _ := d.from.PeekCode(); isUint(code) {
		return int64(d.Uint(math.MaxInt64))
	}
	v, err := d.from.DecodeInt64()
	d.Keep(err)
	return v
}

// Duration reads nanoseconds.
func (d *Decoder) Duration() time.Duration { return time.Duration(d.Int()) }

// Addr is the inverse of Encoder.Addr.
func (d *Decoder) Addr() netip.AddrPort {
	var a netip.AddrPort
	if b := d.raw("an address", msgpcode.IsBin); d.err == nil {
		d.Keep(a.UnmarshalBinary(b))
	}
	return a
}

// End reports the first fault, a left-over byte included.
func (d *Decoder) End() error {
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
