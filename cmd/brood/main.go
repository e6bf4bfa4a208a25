// Command brood is the TFTP server daemon: a supervisor that serves each read
// session from a worker process of its own.
package main

import (
	"fmt"
	"io"
	"os"

	"brood/cmd/internal/config"
	"brood/worker"
)

// Exit codes of the command; they are documented in the README.
const (
	exitOK    = 0
	exitError = 1 // could not start, or had to stop serving
	exitUsage = 2
)

// A worker's start is paid for each session: it goes no further than this.
func init() {
	newHandler := config.NewHandler(config.Program{Release: release})
	if code, ok := worker.Dispatch(newHandler, worker.Options{FromInit: true}); ok {
		os.Exit(code)
	}
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

const usage = `brood serves files by TFTP, each session from a process of its own.

Usage:
  brood serve --root DIR [flags]   serve the files under DIR
  brood serve --config FILE        serve what FILE says (see broodctl)
  brood version                    print the version
  brood serve --help               explain the flags

Try it without root:
  brood serve --root . --listen 127.0.0.1:6969
  curl -O tftp://127.0.0.1:6969/FILE
`

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	switch args[0] {
	case "serve":
		return serve(args[1:], stdout, stderr)
	case "version":
		fmt.Fprintln(stdout, version())
		return exitOK
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
		return exitOK
	default:
		fmt.Fprintf(stderr, "brood: unknown command %q\n\n%s", args[0], usage)
		return exitUsage
	}
}
