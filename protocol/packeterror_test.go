package protocol

import (
	"errors"
	"io"
	"testing"
)

func TestPacketErrorTellsWhatWhereAndWhy(t *testing.T) {
	_, err := ParseData([]byte{0, 3, 1})
	if want := "tftp: bad DATA at byte 3: unexpected EOF"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	var bad *PacketError
	if !errors.As(err, &bad) || bad.Op != OpDATA || bad.Offset != 3 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %#v, want a *PacketError for DATA at 3 that wraps io.ErrUnexpectedEOF", err)
	}
	_, err = ParseAck(nil)
	if want := "tftp: bad datagram at byte 0: unexpected EOF"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
