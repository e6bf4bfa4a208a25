package worker

import (
	"fmt"
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

// confined is the level of this process, and whether a filter holds it.
var confined struct {
	level    atomic.Uint32
	filtered bool
}

func init() { confined.level.Store(uint32(sandbox.Off)) }

func level() SandboxLevel { return SandboxLevel(confined.level.Load()) }

// maxThreads is how many threads the runtime may make: one for each goroutine
// that is in a system call, and a few of its own.
const maxThreads = 64

// enterSandbox does what the supervisor asks for at the beginning of the
// configuration, and returns the handler's part.
func enterSandbox(config []byte) ([]byte, error) {
	terms, config, err := sandbox.CutTerms(config)
	if err != nil {
		return nil, err
	}
	if terms.Level != sandbox.Off {
		debug.SetMaxThreads(maxThreads)
	}
	if err := terms.Enter(); err != nil {
		return nil, fmt.Errorf("%w (brood serve --sandbox off does without)", err)
	}
	confined.filtered = len(terms.Filter) > 0
	confined.level.Store(uint32(terms.Level))
	return config, nil
}

// Narrow takes from this worker, for good, what the given level does not allow.
// A handler that serves in different ways calls it in Open, when it knows which
// way a request goes: workers are born at the loosest level that any needs. It
// limits system calls, where the kernel has filters for them; the files are those
// that the worker was born with. A level
// that is not narrower than what there is changes nothing. A worker that was
// narrowed serves no further session, whatever SessionsPerWorker says.
func Narrow(to SandboxLevel) error {
	if to >= level() {
		return nil
	}
	if confined.filtered {
		if err := sandbox.Narrow(to); err != nil {
			return err
		}
	}
	confined.level.Store(uint32(to))
	return nil
}

// explained is an error's text, with what the sandbox may have to do with it.
func explained(err error) string {
	if why := sandbox.Explain(err, level()); why != "" {
		return err.Error() + " (" + why + ")"
	}
	return err.Error()
}
