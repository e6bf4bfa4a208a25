package protocol

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

var errorPackets = []struct {
	name string
	wire string
	want Error
}{
	{"a code and a message", "\x00\x05\x00\x01no such file\x00", Error{CodeNotFound, "no such file"}},
	{"an empty message", "\x00\x05\x00\x08\x00", Error{CodeOptionRefused, ""}},
	{"a code that no RFC has", "\x00\x05\x00\x63?\x00", Error{99, "?"}},
	{"bytes that are not UTF-8", "\x00\x05\x00\x00\xff\xfe\x00", Error{CodeUndefined, "\xff\xfe"}},
	{
		"a message that fills the packet", "\x00\x05\x00\x00" + strings.Repeat("x", MaxMessageLen) + "\x00",
		Error{CodeUndefined, strings.Repeat("x", MaxMessageLen)},
	},
}

func TestErrorPacket(t *testing.T) {
	for _, tt := range errorPackets {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(tt.want.Append(nil)); got != tt.wire {
				t.Errorf("%+v is %q, want %q", tt.want, got, tt.wire)
			}
			if got, err := ParseError([]byte(tt.wire)); err != nil || got != tt.want {
				t.Errorf("ParseError(%q) = %+v, %v; want %+v", tt.wire, got, err, tt.want)
			}
			for i := range headerLen {
				if _, err := ParseError([]byte(tt.wire[:i])); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("the first %d bytes of %q: %v, want %v", i, tt.wire, err, io.ErrUnexpectedEOF)
				}
			}
			for i := headerLen; i < len(tt.wire); i++ { // an end is an end without its NUL
				want := Error{tt.want.Code, tt.want.Message[:i-headerLen]}
				if got, err := ParseError([]byte(tt.wire[:i])); err != nil || got != want {
					t.Errorf("the first %d bytes of %q: %+v, %v; want %+v", i, tt.wire, got, err, want)
				}
			}
		})
	}
}

func TestParseErrorIgnoresWhatFollowsTheNUL(t *testing.T) {
	got, err := ParseError([]byte("\x00\x05\x00\x00stop\x00\x00junk"))
	if want := (Error{CodeUndefined, "stop"}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestErrorMessageIsSentWhole(t *testing.T) {
	tests := []struct{ name, message, want string }{
		{"a NUL does not cut it", "a\x00b\x00", "a?b?"},
		{"a long one is cut at MaxMessageLen", strings.Repeat("y", 5000), strings.Repeat("y", MaxMessageLen)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wire := (&Error{Message: tt.message}).Append([]byte("\x00keep\x00"))
			wire = wire[len("\x00keep\x00"):]
			if len(wire) > headerLen+DefaultBlksize {
				t.Errorf("packet of %d bytes, want at most %d", len(wire), headerLen+DefaultBlksize)
			}
			if got, err := ParseError(wire); err != nil || got.Message != tt.want {
				t.Errorf("%q came as %q (%v), want %q", tt.message, got.Message, err, tt.want)
			}
		})
	}
}

func TestErrorIsAGoError(t *testing.T) {
	err := fmt.Errorf("open: %w", &Error{CodeNotFound, "no\nsuch"})
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeNotFound {
		t.Errorf("%v does not unwrap to an *Error", err)
	}
	if got, want := err.Error(), `open: file not found: "no\nsuch"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := (&Error{Code: 8}).Error(), "option refused"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
