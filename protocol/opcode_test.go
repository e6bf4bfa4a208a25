package protocol

import (
	"errors"
	"io"
	"testing"
)

func TestParseOpcode(t *testing.T) {
	tests := []struct {
		name string
		wire string
		want Opcode
		err  error
	}{
		{"nothing has no opcode", "", 0, io.ErrUnexpectedEOF},
		{"one byte has no opcode", "\x00", 0, io.ErrUnexpectedEOF},
		{"RRQ is 1", "\x00\x01", OpRRQ, nil},
		{"OACK is 6, whatever follows", "\x00\x06junk", OpOACK, nil},
		{"0 is unknown", "\x00\x00", 0, ErrOpcode},
		{"7 is unknown", "\x00\x07", 7, ErrOpcode},
		{"both bytes count", "\x01\x01", 0x101, ErrOpcode},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseOpcode([]byte(tt.wire))
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("ParseOpcode(%q) = %v, %v; want %v, %v", tt.wire, got, err, tt.want, tt.err)
			}
		})
	}
}

func TestIsRequest(t *testing.T) {
	for wire, want := range map[string]bool{
		"": false, "\x00": false, "\x00\x01": true, "\x00\x02junk": true, "\x00\x03\x00\x01": false, "\x01\x01f": false,
	} {
		if got := IsRequest([]byte(wire)); got != want {
			t.Errorf("IsRequest(%q) = %v, want %v", wire, got, want)
		}
	}
}

func TestOpcodeString(t *testing.T) {
	for op, want := range map[Opcode]string{
		0: "opcode 0", OpRRQ: "RRQ", OpWRQ: "WRQ", OpDATA: "DATA",
		OpACK: "ACK", OpERROR: "ERROR", OpOACK: "OACK", 999: "opcode 999",
	} {
		if got := op.String(); got != want {
			t.Errorf("Opcode(%d).String() = %q, want %q", uint16(op), got, want)
		}
	}
}
