package worker

import (
	"fmt"
	"os"
	"runtime/debug"
	"sync/atomic"

	"brood/ipc/sandbox"
)

// SandboxLevel is how much a worker may do; a greater one is looser.
type SandboxLevel = sandbox.Level

// The sandbox levels; supervisor.Options.Sandbox says at which workers are born.
const (
	SandboxStrict  = sandbox.Strict  // read ReadPaths, answer the client
	SandboxNetwork = sandbox.Network // use the network besides
	SandboxExec    = sandbox.Exec    // run programs besides
	SandboxOff     = sandbox.Off     // no sandbox
)

// confinement is what this process has done to itself.
var confinement = struct {
	sandbox.Terms
	level atomic.Uint32
}{Terms: sandbox.Terms{Level: sandbox.Off}}

func init() { confinement.level.Store(uint32(sandbox.Off)) }

func level() SandboxLevel { return SandboxLevel(confinement.level.Load()) }

// maxThreads is how many threads the runtime may make: one for each goroutine
// that is in a system call, and a few of its own.
const maxThreads = 64

// enterSandbox does what the supervisor asked for. A worker that was told
// nothing was started by none.
func enterSandbox() error {
	terms, err := sandbox.ParseTerms(os.Getenv(sandbox.Env))
	if err != nil {
		return err
	}
	if terms.Level != sandbox.Off {
		debug.SetMaxThreads(maxThreads)
	}
	if err := terms.Enter(); err != nil {
		return fmt.Errorf("%w (brood serve --sandbox off does without)", err)
	}
	confinement.Terms = terms
	confinement.level.Store(uint32(terms.Level))
	return nil
}

// Narrow takes from this worker, for good, what the given level does not allow.
// A handler that serves in different ways calls it in Open, when it knows which
// way a request goes: workers are born at the loosest level that any needs. It
// limits system calls; the files are those that the worker was born with. A level
// that is not narrower than what there is changes nothing. A worker that was
// narrowed serves no further session, whatever SessionsPerWorker says.
func Narrow(to SandboxLevel) error {
	if to >= level() {
		return nil
	}
	if confinement.Filter {
		if err := sandbox.Narrow(to); err != nil {
			return err
		}
	}
	confinement.level.Store(uint32(to))
	return nil
}

// explained is an error's text, with what the sandbox may have to do with it.
func explained(err error) string {
	if why := sandbox.Explain(err, level()); why != "" {
		return err.Error() + " (" + why + ")"
	}
	return err.Error()
}
