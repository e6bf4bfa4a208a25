package supervisor

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	"brood/ipc"
	"brood/ipc/launch"
)

// generation is what workers are born with. A reload tries the next one with one
// worker; sessions that begin after it was taken are served by workers of it.
type generation struct {
	launch  *launch.Launch
	starter *starter
	wish    *reload // that it comes of; nil: the first one
}

// newGeneration looks up what workers may read, which may take its time where a
// share hangs.
func (s *Supervisor) newGeneration(config []byte, readPaths []string) (*generation, error) {
	l, err := launch.New(launch.Spec{
		Config:    config,
		User:      s.who.credential(),
		Sandbox:   s.guard.terms,
		ReadPaths: readPaths,
		ABI:       s.guard.abi,
	})
	if err != nil {
		return nil, err
	}
	return &generation{launch: l}, nil
}

func (g *generation) start(s *Supervisor) {
	g.starter = newStarter(g.launch, &s.forking, s.inbox.post, func() { s.renewed(time.Now(), g) })
}

// end frees what the generation was made of; its workers keep theirs. It waits for
// the starter.
func (g *generation) end() {
	if g.starter == nil || g.starter.close() {
		g.launch.Close()
	}
}

// reload is a wish for another generation.
type reload struct {
	config    []byte
	readPaths []string
	done      func(error)
}

// Reload gives the workers another configuration and other paths to read; see
// Options.Config and ReadPaths. One worker is started with them. If it comes up,
// every session that begins from then on is served by workers of the new kind, and
// sessions that run end as they began; if not, nothing changes. While one reload is
// under way the latest of those that are asked for waits, and those before it are
// left out. done is called with nil, or with the reason, which the log has, too. It
// must not block, and is never called if Run ends before. Reload may be called from
// any goroutine.
func (s *Supervisor) Reload(config []byte, readPaths []string, done func(error)) {
	s.inbox.post(func() { s.reload(&reload{config, readPaths, done}) })
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
	if err := checkReadPaths(r.readPaths); err != nil {
		s.reloaded(r, err)
		return
	}
	s.notify("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", ipc.InstantOf(time.Now())/1000))
	go func() {
		next, err := s.newGeneration(r.config, r.readPaths)
		s.inbox.post(func() { s.try(r, next, err) })
	}()
}

// try starts the worker that proves a new generation.
func (s *Supervisor) try(r *reload, next *generation, err error) {
	if err == nil && s.phase != serving {
		next.end()
		err = errors.New("the server is not serving any more")
	}
	if err != nil {
		s.reloaded(r, err)
		return
	}
	next.wish, s.candidate = r, next
	next.start(s)
	s.pool.starting++
	wave := s.pool.wave
	next.starter.start(func(c launch.Child, err error) { s.startedWorker(c, wave, next, err) })
}

// reject is for a generation whose first worker did not come up.
func (s *Supervisor) reject(g *generation, why string) {
	s.candidate = nil
	go g.end()
	s.reloaded(g.wish, errors.New(why))
}

// accept is for a generation whose first worker is there.
func (s *Supervisor) accept(now time.Time, g *generation) {
	old := s.gen
	s.gen, s.candidate = g, nil
	s.outdate(now, func(w *worker) bool { return w.gen != g })
	go old.end()
	s.reloaded(g.wish, nil)
}

// reloaded tells everybody what came of a reload, and begins the one that waits.
func (s *Supervisor) reloaded(r *reload, err error) {
	s.reloading = false
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
