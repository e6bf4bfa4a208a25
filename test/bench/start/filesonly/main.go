// Command filesonly is the smallest server that serves files: its workers have no other
// handler in their image.
package main

import (
	"context"
	"fmt"
	"os"

	"brood/supervisor"
	"brood/worker"
	"brood/worker/files"
)

func init() {
	newHandler := func(config []byte) (worker.Handler, error) { return files.Open(string(config)) }
	if code, ok := worker.Dispatch(newHandler, worker.Options{FromInit: true}); ok {
		os.Exit(code)
	}
}

func main() {
	sup, err := supervisor.New(supervisor.Options{Config: []byte("/srv/tftp"), ReadPaths: []string{"/srv/tftp"}})
	if err == nil {
		err = sup.Run(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
