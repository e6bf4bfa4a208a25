package workertest_test

import (
	"context"
	"io/fs"
	"testing"

	"brood/protocol"
	"brood/worker"
	"brood/worker/workertest"
)

// motd is a handler with one file.
var motd = worker.HandlerFunc(func(_ context.Context, req *worker.Request) (worker.Response, error) {
	if req.File != "motd" {
		return nil, fs.ErrNotExist
	}
	return worker.Bytes([]byte("welcome")), nil
})

// A handler's test asks it for files as a client would.
func ExampleGet() {
	_ = func(t *testing.T) { // func TestMotd(t *testing.T) {
		r := workertest.Get(t, motd, "motd", protocol.Option{Name: "blksize", Value: "1428"})
		if r.Err != nil || string(r.Content) != "welcome" {
			t.Errorf("motd: %q, ERROR %v (%s)", r.Content, r.Err, r.Detail)
		}
		r = workertest.Get(t, motd, "shadow")
		if r.Err == nil || r.Err.Code != protocol.CodeNotFound {
			t.Errorf("shadow: %q, ERROR %v", r.Content, r.Err)
		}
	}
}
