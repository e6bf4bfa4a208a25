package client_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"brood/protocol"
	"brood/worker"
	"brood/worker/client"
)

// motd is a handler with one file.
var motd = worker.HandlerFunc(func(_ context.Context, req *worker.Request) (worker.Response, error) {
	if req.File != "motd" {
		return nil, fs.ErrNotExist
	}
	return worker.Bytes([]byte("welcome")), nil
})

// A Client talks to a server that runs.
func ExampleClient() {
	server, wait, err := serve(motd, 2) // or where yours listens
	if err != nil {
		fmt.Println(err)
		return
	}
	defer wait()

	c := client.Client{Options: []protocol.Option{{Name: "tsize", Value: "0"}}}
	var content strings.Builder
	result, err := c.Get(context.Background(), server, "motd", &content)
	fmt.Println(content.String(), result.Size, err)

	_, err = c.Get(context.Background(), server, "shadow", &content)
	fmt.Println(strings.HasSuffix(err.Error(), "file not found: File not found"))
	// Output:
	// welcome 7 <nil>
	// true
}
