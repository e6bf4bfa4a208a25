package workertest_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
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

// A Client talks to a server that runs.
func ExampleClient() {
	server, wait, err := serve(motd, 2) // or where yours listens
	if err != nil {
		fmt.Println(err)
		return
	}
	defer wait()

	c := workertest.Client{Options: []protocol.Option{{Name: "tsize", Value: "0"}}}
	var content strings.Builder
	result, err := c.Get(context.Background(), server, "motd", &content)
	fmt.Println(content.String(), result.Size, err)

	_, err = c.Get(context.Background(), server, "shadow", &content)
	fmt.Println(strings.HasSuffix(err.Error(), "file not found: File not found"))
	// Output:
	// welcome 7 <nil>
	// true
}
