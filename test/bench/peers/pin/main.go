// Command pin serves a directory with github.com/pin/tftp, a Go TFTP library
// with a goroutine per session: what brood is measured beside. It is a module of
// its own, so that brood's go.mod does not name a peer.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pin/tftp/v3"
)

func main() {
	dir := flag.String("root", "", "the directory")
	addr := flag.String("listen", ":69", "`address:port`")
	flag.Parse()
	if err := serve(*dir, *addr); err != nil {
		fmt.Fprintln(os.Stderr, "pin:", err)
		os.Exit(1)
	}
}

func serve(dir, addr string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	s := tftp.NewServer(func(name string, to io.ReaderFrom) error {
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			if t, ok := to.(tftp.OutgoingTransfer); ok {
				t.SetSize(info.Size())
			}
		}
		_, err = to.ReadFrom(f)
		return err
	}, nil)
	s.SetTimeout(time.Second)
	return s.ListenAndServe(addr)
}
