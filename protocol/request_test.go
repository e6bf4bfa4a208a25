package protocol

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

var requests = []struct {
	name   string
	wire   string
	want   Request
	canon  string // what Append makes of it, if not wire
	shorts []int  // where a cut leaves a shorter request: after mode and between options
}{
	{"RFC 1350's form", "\x00\x01pxelinux.0\x00octet\x00", Request{OpRRQ, "pxelinux.0", Octet, nil}, "", nil},
	{"a well-formed WRQ", "\x00\x02x\x00octet\x00", Request{OpWRQ, "x", Octet, nil}, "", nil},
	{"mode without case", "\x00\x01x\x00NetASCII\x00", Request{OpRRQ, "x", Netascii, nil}, "\x00\x01x\x00netascii\x00", nil},
	{
		"options in their order", "\x00\x01x\x00octet\x00tsize\x000\x00blksize\x001428\x00",
		Request{OpRRQ, "x", Octet, []Option{{"tsize", "0"}, {"blksize", "1428"}}},
		"",
		[]int{10, 18},
	},
	{
		"option names as they were spelled", "\x00\x01x\x00octet\x00BLKSIZE\x001\x00",
		Request{OpRRQ, "x", Octet, []Option{{"BLKSIZE", "1"}}},
		"",
		[]int{10},
	},
	{
		"a repeated option with its first value", "\x00\x01x\x00octet\x00a\x001\x00A\x002\x00",
		Request{OpRRQ, "x", Octet, []Option{{"a", "1"}}},
		"\x00\x01x\x00octet\x00a\x001\x00",
		[]int{10, 14},
	},
	{"an option with an empty value", "\x00\x01x\x00octet\x00a\x00\x00", Request{OpRRQ, "x", Octet, []Option{{"a", ""}}}, "", []int{10}},
	{"a file name of any bytes", "\x00\x01\xff\n\\\x00octet\x00", Request{OpRRQ, "\xff\n\\", Octet, nil}, "", nil},
	{
		"the longest request", "\x00\x01" + strings.Repeat("f", MaxRequestLen-9) + "\x00octet\x00",
		Request{OpRRQ, strings.Repeat("f", MaxRequestLen-9), Octet, nil},
		"", nil,
	},
}

var badRequests = []struct {
	name    string
	wire    string
	op      Opcode
	offset  int
	err     error
	refusal ErrorCode // 0: silence
}{
	{"an empty datagram", "", 0, 0, io.ErrUnexpectedEOF, 0},
	{"half an opcode", "\x00", 0, 1, io.ErrUnexpectedEOF, 0},
	{"DATA", "\x00\x03\x00\x01x", OpDATA, 0, ErrOpcode, 0},
	{"ACK", "\x00\x04\x00\x01", OpACK, 0, ErrOpcode, 0},
	{"ERROR, or two servers shout for ever", "\x00\x05\x00\x00\x00", OpERROR, 0, ErrOpcode, 0},
	{"OACK", "\x00\x06", OpOACK, 0, ErrOpcode, 0},
	{"opcode 0", "\x00\x00x\x00octet\x00", 0, 0, ErrOpcode, 0},
	{"an unknown opcode", "\x00\x07x\x00octet\x00", 7, 0, ErrOpcode, 0},
	{"an opcode only", "\x00\x01", OpRRQ, 2, ErrNotTerminated, 4},
	{"a file without its NUL", "\x00\x01x", OpRRQ, 3, ErrNotTerminated, 4},
	{"no mode", "\x00\x01x\x00", OpRRQ, 4, ErrNoMode, 4},
	{"a mode without its NUL", "\x00\x01x\x00octet", OpRRQ, 9, ErrNotTerminated, 4},
	{"an empty file name", "\x00\x01\x00octet\x00", OpRRQ, 2, ErrEmptyFile, 4},
	{"an empty mode", "\x00\x01x\x00\x00", OpRRQ, 4, ErrMode, 4},
	{"an unknown mode", "\x00\x01x\x00image\x00", OpRRQ, 4, ErrMode, 4},
	{"mode mail", "\x00\x01x\x00Mail\x00", OpRRQ, 4, ErrMail, 4},
	{"an option without its NUL", "\x00\x01x\x00octet\x00blksize", OpRRQ, 17, ErrNotTerminated, 4},
	{"an option without a value", "\x00\x01x\x00octet\x00blksize\x00", OpRRQ, 18, ErrNoValue, 4},
	{"a value without its NUL", "\x00\x01x\x00octet\x00blksize\x00512", OpRRQ, 21, ErrNotTerminated, 4},
	{"an option without a name", "\x00\x01x\x00octet\x00\x00512\x00", OpRRQ, 10, ErrEmptyOption, 4},
	{"a NUL too many", "\x00\x01x\x00octet\x00\x00", OpRRQ, 10, ErrEmptyOption, 4},
	{"one byte too many", "\x00\x01" + strings.Repeat("f", MaxRequestLen-8) + "\x00octet\x00", OpRRQ, MaxRequestLen, ErrTooLong, 4},
	{"a malformed WRQ", "\x00\x02x\x00", OpWRQ, 4, ErrNoMode, 2},
	{"a WRQ of mode mail", "\x00\x02x\x00mail\x00", OpWRQ, 4, ErrMail, 2},
}

func TestParseRequest(t *testing.T) {
	for _, tt := range requests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseRequest([]byte(tt.wire))
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Fatalf("ParseRequest(%q) = %+v, %v; want %+v", tt.wire, got, err, tt.want)
			}
			canon := tt.canon
			if canon == "" {
				canon = tt.wire
			}
			if again := string(got.Append(nil)); again != canon {
				t.Errorf("%+v is %q, want %q", got, again, canon)
			}
			checkCuts(t, tt.wire, tt.shorts, func(b []byte) error { _, err := ParseRequest(b); return err })
		})
	}
}

func TestParseRequestRefuses(t *testing.T) {
	for _, tt := range badRequests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseRequest([]byte(tt.wire))
			var bad *PacketError
			if !errors.As(err, &bad) || bad.Op != tt.op || bad.Offset != tt.offset || bad.Err != tt.err {
				t.Fatalf("ParseRequest(%q): %v, want %v of %v at %d", tt.wire, err, tt.err, tt.op, tt.offset)
			}
			if !reflect.DeepEqual(got, Request{}) {
				t.Errorf("ParseRequest(%q) failed and returned %+v", tt.wire, got)
			}
		})
	}
}

func TestParseRequestCopies(t *testing.T) {
	wire := []byte(requests[3].wire)
	got, err := ParseRequest(wire)
	clear(wire)
	if err != nil || !reflect.DeepEqual(got, requests[3].want) {
		t.Errorf("after reuse of the buffer: %+v, %v; want %+v", got, err, requests[3].want)
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, tt := range requests {
		f.Add([]byte(tt.wire))
	}
	for _, tt := range badRequests {
		f.Add([]byte(tt.wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRequest(b)
		if err != nil {
			var bad *PacketError
			if !errors.As(err, &bad) || bad.Offset < 0 || bad.Offset > len(b) {
				t.Fatalf("%q: error %#v", b, err)
			}
			e, ok := Refusal(err)
			if want := bad.Op == OpRRQ || bad.Op == OpWRQ; ok != want || ok != (e != nil) {
				t.Fatalf("%q: Refusal %v, %v", b, e, ok)
			}
			return
		}
		wire := r.Append(nil)
		if again, err := ParseRequest(wire); err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("%q parsed to %+v, re-parsed to %+v (%v)", b, r, again, err)
		}
		// No option takes less than three bytes, and none is repeated, so what
		// was allocated is bounded by what came.
		if len(wire) > len(b) || cap(r.Options)*3 > len(b) {
			t.Fatalf("%d bytes parsed to %d and room for %d options", len(b), len(wire), cap(r.Options))
		}
		for i, o := range r.Options {
			for _, p := range r.Options[:i] {
				if EqualFold(o.Name, p.Name) {
					t.Fatalf("%q: option %q twice", b, o.Name)
				}
			}
		}
	})
}
