package supervisor

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-hclog"

	"brood/ipc/sandbox"
)

// SandboxLevel is how much workers may do; a greater one is looser.
type SandboxLevel = sandbox.Level

// The sandbox levels.
const (
	SandboxStrict  = sandbox.Strict  // read ReadPaths, answer the client
	SandboxNetwork = sandbox.Network // use the network besides
	SandboxExec    = sandbox.Exec    // run programs besides
	SandboxOff     = sandbox.Off     // no sandbox
)

// guard is the sandbox as far as the kernel has it.
type guard struct {
	terms   sandbox.Terms
	abi     int // of Landlock
	missing []string
}

// newGuard settles what workers are started with, given what the kernel has.
func newGuard(s *settings, abi int, filter bool) (guard, error) {
	g := guard{
		abi: abi,
		terms: sandbox.Terms{
			Level:        s.Sandbox,
			AddressSpace: uint64(s.MaxAddressSpace),
		},
		missing: sandbox.Missing(s.Sandbox, abi, filter),
	}
	if filter {
		g.terms.Filter = sandbox.Assemble(s.Sandbox)
	}
	if s.RequireSandbox && len(g.missing) > 0 {
		return g, fmt.Errorf("this kernel can't give all of the sandbox that is required: %s", strings.Join(g.missing, "; "))
	}
	return g, nil
}

// report says what is not as it was asked for.
func (g *guard) report(r *reporter) {
	switch {
	case g.terms.Level == sandbox.Off:
		r.logf(hclog.Warn, "workers have no sandbox: a handler that is taken over can do what their user can")
	case len(g.missing) > 0:
		r.logf(hclog.Warn, "this kernel can't give all of the workers' sandbox", "sandbox", g.terms.Level.String(), "missing", strings.Join(g.missing, "; "))
	}
}

func (g *guard) String() string {
	if len(g.missing) == 0 {
		return g.terms.Level.String()
	}
	return g.terms.Level.String() + ", but " + strings.Join(g.missing, "; ")
}
