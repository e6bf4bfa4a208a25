package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"brood/protocol"
	"brood/worker/client"
)

func TestWhoCantWriteTellsTheServer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("f: %w", syscall.ENOSPC), "\x00\x05\x00\x03the client's disk is full\x00"},
		{syscall.EDQUOT, "\x00\x05\x00\x03the client's disk is full\x00"},
		{errors.New("broken"), "\x00\x05\x00\x00the client can't write\x00"},
	} {
		s := newScript(t, 2)
		s.play(func() {
			s.expect(0, "\x00\x01f\x00octet\x00")
			s.send(1, "\x00\x03\x00\x01end")
			s.expect(1, tt.want)
		})
		if _, err := patient.Get(t.Context(), s.addr(0), "f", failingWriter{tt.err}); !errors.Is(err, tt.err) {
			t.Errorf("%v, want %v", err, tt.err)
		}
	}
}

func TestWhoGivesUpTellsTheServer(t *testing.T) {
	t.Parallel()
	s := newScript(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	s.play(func() {
		s.expect(0, "\x00\x01f\x00octet\x00")
		s.send(1, "\x00\x03\x00\x01"+string(text(512)))
		s.expect(1, "\x00\x04\x00\x01")
		cancel()
		s.expect(1, "\x00\x05\x00\x00the client gave up\x00")
	})
	if _, err := patient.Get(ctx, s.addr(0), "f", new(bytes.Buffer)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
}

func TestTheAnswerIsToldBeforeTheContent(t *testing.T) {
	t.Parallel()
	server := mustServe(t, servesBytes(text(3000)), 2)
	for _, options := range [][]protocol.Option{nil, {{Name: "tsize", Value: "0"}, {Name: "blksize", Value: "1024"}}} {
		var got bytes.Buffer
		var told []client.Result
		c := client.Client{Options: options, OnAnswer: func(r *client.Result) {
			if got.Len() > 0 {
				t.Error("after the first bytes")
			}
			told = append(told, *r)
		}}
		r, err := c.Get(t.Context(), server, "f", &got)
		if err != nil || len(told) != 1 || told[0].Size != r.Size || told[0].Terms != r.Terms || told[0].TID != r.TID {
			t.Errorf("%v; told %+v, in the end %+v", err, told, r)
		}
		if r.Answer <= 0 || told[0].Answer != r.Answer {
			t.Errorf("answered after %v, in the end %v", told[0].Answer, r.Answer)
		}
	}
}

func TestARefusalIsToldFromAnERROR(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		answer string
		want   protocol.Outcome
	}{
		{"\x00\x05\x00\x01no\x00", protocol.PeerError},
		{"\x00\x03\x00\x01" + string(text(513)), protocol.Refused},
	} {
		s := newScript(t, 2)
		s.play(func() {
			s.expect(0, "\x00\x01f\x00octet\x00")
			s.send(1, tt.answer)
		})
		_, err := patient.Get(t.Context(), s.addr(0), "f", new(bytes.Buffer))
		var e *client.Error
		if !errors.As(err, &e) || e.Outcome != tt.want {
			t.Errorf("%v, want %v", err, tt.want)
		}
	}
}

func TestTheEndOfAnEarlierSessionIsNoAnswer(t *testing.T) {
	t.Parallel()
	s := newScript(t, 3)
	s.play(func() {
		s.expect(0, "\x00\x01f\x00octet\x00")
		s.send(2, "\x00\x03\x00\x02earlier")
		s.send(1, "\x00\x03\x00\x01end")
		s.expect(1, "\x00\x04\x00\x01")
	})
	var got bytes.Buffer
	if _, err := patient.Get(t.Context(), s.addr(0), "f", &got); err != nil || got.String() != "end" {
		t.Errorf("%q, %v", &got, err)
	}
}
