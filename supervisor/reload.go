package supervisor

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"brood/ipc"
	"brood/ipc/launch"
	"brood/ipc/sandbox"
)

// generation is what workers are born with. A reload tries the next one with one
// worker; sessions that begin after it was taken are served by workers of it.
type generation struct {
	settings *settings
	guard    guard
	launch   *launch.Launch
	starter  *starter
	wish     *reload // that it comes of; nil: the first one
	ports    helperPorts
}

// newGeneration looks up what workers may read, which may take its time where a
// share hangs.
func (s *Supervisor) newGeneration(settled *settings) (*generation, error) {
	abi, filter := sandbox.Probe()
	guard, err := newGuard(settled, abi, filter)
	if err != nil {
		return nil, err
	}
	var group *os.File
	if s.leaf != nil {
		group = s.leaf.group.Dir
	}
	l, err := launch.New(launch.Spec{
		Config:    settled.Config,
		User:      s.who.credential(),
		Sandbox:   guard.terms,
		ReadPaths: settled.ReadPaths,
		ABI:       guard.abi,
		Helper:    forWorkers(settled.Helpers),
		Group:     group,
	})
	if err != nil {
		return nil, err
	}
	return &generation{settings: settled, guard: guard, launch: l}, nil
}

func (g *generation) start(s *Supervisor) {
	g.starter = newStarter(g.launch, &s.forking, s.inbox.post, func() { s.renewed(time.Now(), g) })
}

// end frees what the generation was made of; its workers keep theirs. It waits for
// the starter.
func (g *generation) end() {
	g.ports.closeAll()
	if g.starter == nil || g.starter.close() {
		g.launch.Close()
	}
}

// reload is a wish for another generation.
type reload struct {
	load func() (Options, error)
	done func(error)
}

// Reload has the server go by other options. load says which; it is called beside
// the loop and may take its time. One worker is started with them. If it comes up,
// every session that begins from then on is served by workers of the new kind and
// by the new options, and sessions that run end as they began; if not, or if load
// fails, nothing changes. done is called with nil, or with the reason, which the log
// has, too.
//
// In force are then Config, ReadPaths, Sandbox, RequireSandbox, MaxAddressSpace,
// Allow, Deny, MaxRequestsPerSource, MaxRequestsPerPrefix, MaxSessionsPerSource,
// NoPenalties, MinIdle, MaxIdle, SessionsPerWorker, Timeout, Retries, MaxBlksize,
// MaxWindowsize, MaxBurst, NoMTUClamp, StallTimeout, MaxSessionTime, DrainTimeout,
// StatsInterval, WorkersMemory and WorkersTasks unless neither was set before or neither
// is any more, what Admin says of the configuration, and Helpers, of which those that
// are as before go on; the Dir of one that is new must be there, since this process
// can't make it any more, and its Listen be a port that it may have, and that nobody
// has, this process included: from 127.0.0.1 to every address the port changes, too, or
// the server is started anew. Callbacks and the Logger stay; of what else has changed
// the log says that it takes a restart, or an upgrade.
//
// While one reload is under way the latest of those that are asked for waits, and
// those before it are left out. done must not block, and is never called if Run ends
// before. Reload may be called from any goroutine.
func (s *Supervisor) Reload(load func() (Options, error), done func(error)) {
	s.inbox.post(func() { s.reload(&reload{load, done}) })
}

func (s *Supervisor) reload(r *reload) {
	if s.reloading {
		if s.pending != nil {
			s.pending.done(errors.New("a later reload took its place"))
		}
		s.pending = r
		return
	}
	s.reloading = true
	if s.phase != serving {
		s.reloaded(r, errors.New("the server is not serving"))
		return
	}
	s.notify("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", ipc.InstantOf(time.Now())/1000))
	manager, ports := s.Manager, maps.Clone(s.helperPorts)
	go func() {
		next, err := s.load(r, manager, ports)
		s.inbox.post(func() { s.try(r, next, err) })
	}()
}

func (s *Supervisor) load(r *reload, manager Manager, ports helperPorts) (*generation, error) {
	o, err := r.load()
	if err != nil {
		return nil, err
	}
	o.Manager = manager
	settled, err := o.settle()
	if err != nil {
		return nil, err
	}
	if err := s.loosen(settled); err != nil {
		return nil, fmt.Errorf("the workers' limits: %w", err)
	}
	g, err := s.newGeneration(settled)
	if err != nil {
		return nil, err
	}
	if g.ports, err = openHelperPorts(settled.Helpers, ports, (*predecessor)(nil).port); err != nil {
		g.end()
		return nil, err
	}
	return g, nil
}

// try starts the worker that proves a new generation.
func (s *Supervisor) try(r *reload, next *generation, err error) {
	if err == nil && s.phase != serving {
		next.end()
		err = errors.New("the server is not serving any more")
	}
	if err != nil {
		s.rebound(s.workersLimits(), func() { s.reloaded(r, err) })
		return
	}
	next.wish, s.candidate = r, next
	next.start(s)
	s.pool.starting++
	s.pool.ordered++
	wave := s.pool.wave
	next.starter.start(func(c launch.Child, err error) { s.startedWorker(c, wave, next, err) })
}

// reject is for a generation whose first worker did not come up.
func (s *Supervisor) reject(g *generation, why string) {
	s.candidate = nil
	go g.end()
	s.rebound(s.workersLimits(), func() { s.reloaded(g.wish, errors.New(why)) })
}

// accept is for a generation whose first worker is there.
func (s *Supervisor) accept(now time.Time, g *generation) {
	old := s.gen
	s.gen, s.candidate = g, nil
	s.generation++
	s.pool.usual = 0 // these may have more, or less
	s.adopt(now, g)
	s.outdate(now, func(w *worker) bool { return w.gen != g })
	go old.end()
	s.rebound(g.settings.workersLimits(), func() { s.reloaded(g.wish, nil) })
}

// adopt takes from a generation's options what can change while the server runs.
func (s *Supervisor) adopt(now time.Time, g *generation) {
	next := g.settings
	if fixed := s.fixed(next); len(fixed) > 0 {
		s.report.logf(hclog.Warn, "some settings have changed that take a restart, or an upgrade (SIGUSR2), to be in force", "settings", strings.Join(fixed, ", "))
	}
	access := !slices.Equal(s.Allow, next.Allow) || !slices.Equal(s.Deny, next.Deny)
	rates := s.MaxRequestsPerSource != next.MaxRequestsPerSource || s.MaxRequestsPerPrefix != next.MaxRequestsPerPrefix
	s.Allow, s.Deny = next.Allow, next.Deny
	s.MaxRequestsPerSource, s.MaxRequestsPerPrefix = next.MaxRequestsPerSource, next.MaxRequestsPerPrefix
	gate := newGate(&s.settings)
	if access {
		s.gate.access = gate.access
	}
	if rates { // sources begin anew
		s.gate.addresses, s.gate.prefixes = gate.addresses, gate.prefixes
	}
	s.MaxSessionsPerSource, s.NoPenalties = next.MaxSessionsPerSource, next.NoPenalties
	s.MinIdle, s.MaxIdle, s.SessionsPerWorker = next.MinIdle, next.MaxIdle, next.SessionsPerWorker
	s.Timeout, s.Retries = next.Timeout, next.Retries
	s.MaxBlksize, s.MaxWindowsize, s.MaxBurst, s.NoMTUClamp = next.MaxBlksize, next.MaxWindowsize, next.MaxBurst, next.NoMTUClamp
	s.StallTimeout, s.MaxSessionTime = next.StallTimeout, next.MaxSessionTime
	s.DrainTimeout, s.StatsInterval = next.DrainTimeout, next.StatsInterval
	if before := s.guard.String(); before != g.guard.String() {
		g.guard.report(s.report)
	}
	s.guard = g.guard
	s.Admin.Config, s.Admin.ConfigFile = next.Admin.Config, next.Admin.ConfigFile
	s.helperPorts.keep(g.ports, next.Helpers)
	g.ports = nil
	s.Helpers = next.Helpers
	s.setHelpers(now, s.Helpers)
}

// fixed are the options that differ and can't change while the server runs.
func (s *Supervisor) fixed(next *settings) (names []string) {
	for _, o := range []struct {
		name string
		same bool
	}{
		{"Listen", slices.Equal(s.Listen, next.Listen)},
		{"User", s.User == next.User},
		{"PortRange", s.PortRange == next.PortRange},
		{"SinglePort", s.SinglePort == next.SinglePort},
		{"MaxSessions", s.MaxSessions == next.MaxSessions},
		{"MaxWaiting", s.MaxWaiting == next.MaxWaiting},
		{"WorkersMemory", s.WorkersMemory == next.WorkersMemory || s.keepsLeaf(next)},
		{"WorkersTasks", s.WorkersTasks == next.WorkersTasks || s.keepsLeaf(next)},
		{"Admin", s.Admin.Path == next.Admin.Path && s.Admin.Group == next.Admin.Group},
	} {
		if !o.same {
			names = append(names, o.name)
		}
	}
	return names
}

// reloaded tells everybody what came of a reload, and begins the one that waits.
func (s *Supervisor) reloaded(r *reload, err error) {
	s.reloading, s.unreloaded = false, err != nil
	if s.phase == serving {
		s.notify("READY=1", s.status())
	}
	if err != nil {
		s.report.logf(hclog.Error, "not reloaded: what was in force still is", "why", err.Error())
	} else {
		s.report.logf(hclog.Info, "reloaded: sessions that begin from now on are served by the new configuration")
	}
	r.done(err)
	if next := s.pending; next != nil {
		s.pending = nil
		s.reload(next)
	}
}

// outdate lets go of workers that were born with what is not valid any more. A busy
// one ends its session and serves no other.
func (s *Supervisor) outdate(now time.Time, is func(*worker) bool) {
	for _, w := range s.pool.all {
		if is(w) {
			w.outdated = true
			if w.state == idle {
				s.dismiss(now, w)
			}
		}
	}
}

// renewed lets go of the workers that see the files as they were: those that
// start from now on see others.
func (s *Supervisor) renewed(now time.Time, g *generation) {
	if g != s.gen {
		return // one that is being tried, or has been replaced
	}
	s.report.logf(hclog.Info, "paths that workers read lead elsewhere; idle workers are replaced")
	s.outdate(now, func(w *worker) bool { return w.gen == g })
}
