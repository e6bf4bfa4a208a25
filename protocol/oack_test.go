package protocol

import (
	"errors"
	"reflect"
	"testing"
)

var oackPackets = []struct {
	name   string
	wire   string
	want   OACK
	shorts []int // where a cut leaves a shorter OACK: between options
}{
	{"no option", "\x00\x06", OACK{}, nil},
	{"one option", "\x00\x06blksize\x001428\x00", OACK{[]Option{{"blksize", "1428"}}}, []int{2}},
	{"two in their order", "\x00\x06tsize\x000\x00BlkSize\x008\x00", OACK{[]Option{{"tsize", "0"}, {"BlkSize", "8"}}}, []int{2, 10}},
	{"an empty value", "\x00\x06x\x00\x00", OACK{[]Option{{"x", ""}}}, []int{2}},
}

func TestOACK(t *testing.T) {
	for _, tt := range oackPackets {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(tt.want.Append(nil)); got != tt.wire {
				t.Errorf("%+v is %q, want %q", tt.want, got, tt.wire)
			}
			if got, err := ParseOACK([]byte(tt.wire)); err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("ParseOACK(%q) = %+v, %v; want %+v", tt.wire, got, err, tt.want)
			}
			checkCuts(t, tt.wire, tt.shorts, func(b []byte) error { _, err := ParseOACK(b); return err })
		})
	}
	if _, err := ParseOACK([]byte("\x00\x01\x00")); !errors.Is(err, ErrOpcode) {
		t.Errorf("an RRQ parsed as OACK: %v, want %v", err, ErrOpcode)
	}
}

func TestParseOACKRefusesBrokenOptions(t *testing.T) {
	for wire, want := range map[string]error{
		"\x00\x06blksize":            ErrNotTerminated,
		"\x00\x06blksize\x00":        ErrNoValue,
		"\x00\x06blksize\x00512":     ErrNotTerminated,
		"\x00\x06\x00512\x00":        ErrEmptyOption,
		"\x00\x06tsize\x000\x00\x00": ErrEmptyOption,
	} {
		if _, err := ParseOACK([]byte(wire)); !errors.Is(err, want) {
			t.Errorf("ParseOACK(%q): %v, want %v", wire, err, want)
		}
	}
}
