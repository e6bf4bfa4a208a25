package main

import (
	"brood/worker"
	"context"
	"fmt"
	"io/fs"
	"strings"
)

// script makes a boot script for the machine that asks. What it returns is in memory,
// so the client is told its size, and an error comes before any content.
func script(_ context.Context, req *worker.Request) (worker.Response, error) {
	kind, ok := strings.CutPrefix(req.File, "boot/")
	if !ok || kind != "install" && kind != "rescue" {
		return nil, fmt.Errorf("no script for %q: %w", req.File, fs.ErrNotExist)
	}
	req.Quirks.MaxBlksize = 1024 // of the machines here, not all can more
	return worker.Bytes(fmt.Appendf(nil, "#!ipxe\nkernel tftp://%v/vmlinuz mode=%s client=%v\nboot\n", req.Local.Addr(), kind, req.Peer.Addr())), nil
}
