package admin

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"brood/ipc"
)

var requests = []struct {
	name string
	Request
	wire string // without the length
}{
	{"the smallest", Request{}, "9400a0a000"},
	{"status", Request{ID: 1, Kind: KindStatus}, "9401a6737461747573a000"},
	{"a session to end", Request{ID: 2, Kind: KindKill, Number: 300}, "9402a46b696c6ca0cd012c"},
	{"a prefix to deny for a minute", Request{ID: 3, Kind: KindDeny, Text: "10.0.0.0/8", Number: 60000}, "9403a464656e79aa31302e302e302e302f38cdea60"},
	{"the ends of all ranges", Request{ID: math.MaxUint32, Kind: "x", Text: "\xff", Number: math.MaxUint64}, "94ceffffffffa178a1ffcfffffffffffffffff"},
}

func TestARequestsWireForm(t *testing.T) {
	t.Parallel()
	for _, tt := range requests {
		body, _ := hex.DecodeString(tt.wire)
		want := append([]byte{0, 0, 0, byte(len(body))}, body...)
		wire, err := tt.Append(nil)
		if err != nil || !bytes.Equal(wire, want) {
			t.Errorf("%s: %x, %v; want %x", tt.name, wire, err, want)
		}
		if got, err := ReadRequest(bytes.NewReader(wire)); err != nil || got != tt.Request {
			t.Errorf("%s: %x is read as %+v, %v; want %+v", tt.name, wire, got, err, tt.Request)
		}
		for i := range body {
			if got, err := parseRequest(body[:i]); !errors.Is(err, ipc.ErrMalformed) {
				t.Errorf("%s: the first %d bytes of %x are %+v, %v", tt.name, i, body, got, err)
			}
		}
		if got, err := parseRequest(append(body, 0)); !errors.Is(err, ipc.ErrMalformed) {
			t.Errorf("%s: with a byte left over: %+v, %v", tt.name, got, err)
		}
	}
}

func TestAFrameIsBoundedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, wire string
		want       error
	}{
		{"nothing", "", io.EOF},
		{"half a length", "0000", io.ErrUnexpectedEOF},
		{"one byte too many", "00010001", ipc.ErrMalformed},
		{"four gigabytes", "ffffffff", ipc.ErrMalformed},
		{"less than it says", "00000005" + "9400a0", ipc.ErrMalformed},
	} {
		wire, _ := hex.DecodeString(tt.wire)
		if got, err := ReadRequest(bytes.NewReader(wire)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %+v, %v; want %v", tt.name, got, err, tt.want)
		}
	}
	long := Request{Kind: KindHistory, Text: strings.Repeat("x", MaxRequest)}
	if b, err := long.Append(nil); err == nil {
		t.Errorf("a request of %d bytes is made", len(b))
	}
}

func TestWhatMayBeLookedAtByAll(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]bool{
		KindStatus: false, KindSessions: false, KindHistory: false, KindEvents: false, KindConfig: true,
		KindDrain: true, KindReload: true, KindKill: true, KindLogLevel: true, KindAllow: true, KindDeny: true, "later": true,
	} {
		if kind.Changes() != want {
			t.Errorf("%s changes: %v", kind, !want)
		}
	}
}

func FuzzRequest(f *testing.F) {
	for _, tt := range requests {
		wire, _ := tt.Append(nil)
		f.Add(wire)
	}
	f.Add([]byte("\x00\x00\x00\x05\xdd\x7f\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ReadRequest(bytes.NewReader(b))
		if err != nil {
			return
		}
		wire, err := r.Append(nil)
		if err != nil {
			t.Fatalf("%x is read as %+v, which can't be written: %v", b, r, err)
		}
		if again, err := ReadRequest(bytes.NewReader(wire)); err != nil || again != r {
			t.Fatalf("%x is read as %+v, and written and read again as %+v, %v", b, r, again, err)
		}
	})
}
