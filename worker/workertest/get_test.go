package workertest_test

import (
	"context"
	"errors"
	"io/fs"
	"reflect"
	"testing"

	"brood/protocol"
	"brood/worker"
	"brood/worker/workertest"
)

func TestGetIsWhatAClientGets(t *testing.T) {
	t.Parallel()
	var seen worker.Request
	h := worker.HandlerFunc(func(_ context.Context, req *worker.Request) (worker.Response, error) {
		seen = *req
		return worker.Bytes([]byte("a\nb")), nil
	})
	tsize := protocol.Option{Name: "tsize", Value: "0"}
	unknown := protocol.Option{Name: "x-vendor", Value: "1"}
	r := workertest.Get(t, h, "some/file", unknown, tsize)
	want := &workertest.Response{Content: []byte("a\nb"), OACK: []protocol.Option{{Name: "tsize", Value: "3"}}}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("%+v, want %+v", r, want)
	}
	if seen.File != "some/file" || seen.Mode != protocol.Octet || !reflect.DeepEqual(seen.Options, []protocol.Option{unknown, tsize}) ||
		!seen.Peer.IsValid() || !seen.Local.IsValid() || seen.Peer == seen.Local || seen.Received.IsZero() {
		t.Errorf("the handler saw %+v", seen)
	}

	r = workertest.GetNetascii(t, h, "some/file", tsize)
	if want := (&workertest.Response{Content: []byte("a\nb")}); !reflect.DeepEqual(r, want) || seen.Mode != protocol.Netascii {
		t.Errorf("in %v: %+v, want %+v", seen.Mode, r, want)
	}
}

func TestGetTellsTheClientsERRORFromTheServersLog(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err    error
		want   protocol.Error
		detail string
	}{
		{fs.ErrNotExist, protocol.Error{Code: protocol.CodeNotFound, Message: "File not found"}, "file does not exist"},
		{errors.New("secret"), protocol.Error{Message: "Server error, see its log"}, "secret"},
	} {
		r := workertest.Get(t, worker.HandlerFunc(func(context.Context, *worker.Request) (worker.Response, error) {
			return nil, tt.err
		}), "f")
		if r.Err == nil || *r.Err != tt.want || r.Detail != tt.detail || len(r.Content) != 0 || r.OACK != nil {
			t.Errorf("%v: %+v, ERROR %+v; want %+v, %q", tt.err, r, r.Err, tt.want, tt.detail)
		}
	}
}
