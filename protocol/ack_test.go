package protocol

import (
	"errors"
	"io"
	"testing"
)

var ackPackets = []struct {
	name string
	wire string
	want Ack
}{
	{"the answer to an OACK", "\x00\x04\x00\x00", Ack{0}},
	{"the last number of a cycle", "\x00\x04\xff\xff", Ack{65535}},
	{"network byte order", "\x00\x04\x01\x02", Ack{0x0102}},
}

func TestAck(t *testing.T) {
	for _, tt := range ackPackets {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(tt.want.Append(nil)); got != tt.wire {
				t.Errorf("%+v is %q, want %q", tt.want, got, tt.wire)
			}
			for _, wire := range []string{tt.wire, tt.wire + "\x00", tt.wire + "padding"} {
				if got, err := ParseAck([]byte(wire)); err != nil || got != tt.want {
					t.Errorf("ParseAck(%q) = %+v, %v; want %+v", wire, got, err, tt.want)
				}
			}
			for i := range len(tt.wire) {
				if _, err := ParseAck([]byte(tt.wire[:i])); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("the first %d bytes of %q: %v, want %v", i, tt.wire, err, io.ErrUnexpectedEOF)
				}
			}
		})
	}
	if _, err := ParseAck([]byte("\x00\x03\x00\x01")); !errors.Is(err, ErrOpcode) {
		t.Errorf("DATA parsed as an ACK: %v, want %v", err, ErrOpcode)
	}
}

func TestParseAckDoesNotAllocate(t *testing.T) {
	wire := Ack{Block: 7}.Append(nil)
	if n := testing.AllocsPerRun(100, func() { _, _ = ParseAck(wire) }); n != 0 {
		t.Errorf("ParseAck allocated %v times", n)
	}
}
