// Command bare is what a worker's start is measured against: a program with the
// three prescribed packages that reads one message and exits.
package main

import (
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/vmihailenco/msgpack/v5"
	"golang.org/x/sys/unix"
)

func main() {
	b := make([]byte, 8192)
	n, _, _, _, err := unix.Recvmsg(3, b, nil, 0)
	var message []string
	if err == nil && n > 0 {
		err = msgpack.Unmarshal(b[:n], &message)
	}
	if err != nil {
		hclog.New(&hclog.LoggerOptions{Output: os.Stderr}).Error("reading", "error", err)
		os.Exit(1)
	}
}
