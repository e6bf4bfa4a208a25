package protocol

import (
	"errors"
	"fmt"
	"testing"
)

func TestRefusal(t *testing.T) {
	for _, tt := range badRequests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseRequest([]byte(tt.wire))
			e, ok := Refusal(fmt.Errorf("request: %w", err))
			if ok != (tt.refusal != 0) || ok && (e.Code != tt.refusal || e.Message == "") || !ok && e != nil {
				t.Errorf("Refusal(%v) = %v, %v; want code %d", err, e, ok, tt.refusal)
			}
		})
	}
	for _, err := range []error{nil, errors.New("of another kind")} {
		if e, ok := Refusal(err); ok || e != nil {
			t.Errorf("Refusal(%v) = %v, %v; want silence", err, e, ok)
		}
	}
}

func TestRefusalSaysWhy(t *testing.T) {
	_, err := ParseRequest([]byte("\x00\x01x\x00image\x00"))
	e, _ := Refusal(err)
	if want := "bad request: mode is neither octet nor netascii"; e == nil || e.Message != want {
		t.Errorf("got %v, want %q", e, want)
	}
}
