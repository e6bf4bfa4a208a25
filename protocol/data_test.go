package protocol

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

var dataPackets = []struct {
	name string
	wire string
	want Data
}{
	{"the empty last block", "\x00\x03\x00\x01", Data{1, []byte{}}},
	{"bytes of any value", "\x00\x03\xff\xff\x00\xff\x00", Data{65535, []byte{0, 255, 0}}},
	{"block 0 after a rollover", "\x00\x03\x00\x00x", Data{0, []byte("x")}},
}

func TestData(t *testing.T) {
	for _, tt := range dataPackets {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(tt.want.Append(nil)); got != tt.wire {
				t.Errorf("%+v is %q, want %q", tt.want, got, tt.wire)
			}
			got, err := ParseData([]byte(tt.wire))
			if err != nil || got.Block != tt.want.Block || !bytes.Equal(got.Payload, tt.want.Payload) {
				t.Errorf("ParseData(%q) = %+v, %v; want %+v", tt.wire, got, err, tt.want)
			}
			for i := range headerLen { // a payload has no length of its own to miss
				if _, err := ParseData([]byte(tt.wire[:i])); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("the first %d bytes of %q: %v, want %v", i, tt.wire, err, io.ErrUnexpectedEOF)
				}
			}
		})
	}
	if _, err := ParseData([]byte("\x00\x04\x00\x01")); !errors.Is(err, ErrOpcode) {
		t.Errorf("an ACK parsed as DATA: %v, want %v", err, ErrOpcode)
	}
}

func TestDataPayloadAliasesAndIsClipped(t *testing.T) {
	wire := []byte("\x00\x03\x00\x01abcd")
	d, err := ParseData(wire[:6])
	if err != nil {
		t.Fatal(err)
	}
	if &d.Payload[0] != &wire[4] {
		t.Error("the payload is a copy")
	}
	_ = append(d.Payload, 'X')
	if string(wire[4:]) != "abcd" {
		t.Errorf("appending to the payload wrote into the datagram: %q", wire)
	}
}

func TestDataDoesNotAllocate(t *testing.T) {
	d := Data{Block: 7, Payload: make([]byte, 1428)}
	buf := make([]byte, 0, 2048)
	if n := testing.AllocsPerRun(100, func() { buf = d.Append(buf[:0]) }); n != 0 {
		t.Errorf("Append into a large enough buffer allocated %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { d, _ = ParseData(buf) }); n != 0 {
		t.Errorf("ParseData allocated %v times", n)
	}
}
