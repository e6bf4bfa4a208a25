package protocol

import (
	"bytes"
	"reflect"
	"testing"
)

func FuzzParsePackets(f *testing.F) {
	for _, tt := range dataPackets {
		f.Add([]byte(tt.wire))
	}
	for _, tt := range ackPackets {
		f.Add([]byte(tt.wire))
	}
	for _, tt := range errorPackets {
		f.Add([]byte(tt.wire))
	}
	for _, tt := range oackPackets {
		f.Add([]byte(tt.wire))
	}
	for _, tt := range requests {
		f.Add([]byte(tt.wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		kinds := 0
		if d, err := ParseData(b); err == nil {
			kinds++
			if again := d.Append(nil); !bytes.Equal(again, b) {
				t.Errorf("DATA %q became %q", b, again)
			}
		}
		if a, err := ParseAck(b); err == nil {
			kinds++
			if again := a.Append(nil); !bytes.Equal(again, b[:headerLen]) {
				t.Errorf("ACK %q became %q", b, again)
			}
		}
		if e, err := ParseError(b); err == nil {
			kinds++
			want := e
			want.Message = want.Message[:min(len(want.Message), MaxMessageLen)]
			if again, err := ParseError(e.Append(nil)); err != nil || again != want {
				t.Errorf("ERROR %q became %+v (%v), want %+v", b, again, err, want)
			}
			if len(e.Message) > len(b)-headerLen {
				t.Errorf("ERROR %q has a message of %d bytes", b, len(e.Message))
			}
		}
		if o, err := ParseOACK(b); err == nil {
			kinds++
			wire := o.Append(nil)
			if again, err := ParseOACK(wire); err != nil || !reflect.DeepEqual(again, o) {
				t.Errorf("OACK %q became %+v (%v), want %+v", b, again, err, o)
			}
			if len(wire) > len(b) || cap(o.Options)*3 > len(b) {
				t.Errorf("OACK %q grew to %d bytes and room for %d options", b, len(wire), cap(o.Options))
			}
		}
		if _, err := ParseRequest(b); err == nil {
			kinds++
		}
		if kinds > 1 {
			t.Errorf("%q is packets of %d kinds", b, kinds)
		}
		if _, err := ParseOpcode(b); err != nil && kinds != 0 {
			t.Errorf("%q has no opcode (%v) and parses", b, err)
		}
	})
}
