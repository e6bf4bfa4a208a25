package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is set by the Makefile from the newest tag: -ldflags "-X main.release=...".
var release = "devel"

// version says what was built, from which commit if the toolchain knew, by what.
func version() string {
	commit := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = " " + s.Value[:min(12, len(s.Value))]
			}
		}
	}
	return fmt.Sprintf("brood %s%s %s %s/%s", release, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
