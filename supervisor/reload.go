package supervisor

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	"brood/ipc/launch"
)

// generation is what workers are born with. A reload tries the next one with one
// worker; sessions that begin after it was taken are served by workers of it.
type generation struct {
	config    []byte
	readPaths []string
	launch    *launch.Launch
	starter   *starter
	done      func(error) // of the reload
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
	return &generation{config: config, readPaths: readPaths, launch: l}, nil
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

// Reload gives the workers another configuration and other paths to read; see
// Options.Config and ReadPaths. One worker is started with them. If it comes up,
// every session that begins from then on is served by workers of the new kind, and
// sessions that run end as they began; if not, nothing changes. done is called with
// nil, or with the reason, from a goroutine that must not be held up; never if Run
// ends before. It may be called from any goroutine.
func (s *Supervisor) Reload(config []byte, readPaths []string, done func(error)) {
	if err := checkReadPaths(readPaths); err != nil {
		done(err)
		return
	}
	reply := done
	done = func(err error) {
		s.reloaded(err)
		reply(err)
	}
	s.inbox.post(func() {
		switch {
		case s.phase != serving:
			reply(errors.New("the server is not serving"))
			return
		case s.reloading:
			reply(errors.New("a reload is under way"))
			return
		}
		s.reloading = true
		s.notify("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", monotonic()/time.Microsecond))
		go func() {
			next, err := s.newGeneration(config, readPaths)
			s.inbox.post(func() { s.try(next, err, done) })
		}()
	})
}

// reloaded tells the service manager, and the log, what came of a reload.
func (s *Supervisor) reloaded(err error) {
	if s.phase == serving {
		s.notify("READY=1", s.status())
	}
	if err != nil {
		s.report.logf(hclog.Error, "not reloaded: what was in force still is", "why", err.Error())
		return
	}
	s.report.logf(hclog.Info, "reloaded: sessions that begin from now on are served by the new configuration")
}

// try starts the worker that proves a new generation.
func (s *Supervisor) try(next *generation, err error, done func(error)) {
	if err == nil && s.phase != serving {
		next.launch.Close()
		err = errors.New("the server is not serving any more")
	}
	if err != nil {
		s.reloading = false
		done(err)
		return
	}
	next.done, s.trying = done, next
	next.start(s)
	s.pool.starting++
	next.starter.start(func(c launch.Child, err error) { s.startedWorker(c, s.pool.wave, next, err) })
}

// untried is for a generation whose first worker did not come up.
func (s *Supervisor) untried(g *generation, why string) {
	s.reloading, s.trying = false, nil
	go g.end()
	g.done(errors.New(why))
}

// renew is for a generation whose first worker is there.
func (s *Supervisor) renew(now time.Time, first *worker) {
	old := s.gen
	s.gen, s.reloading, s.trying = first.gen, false, nil
	s.outdate(now, func(w *worker) bool { return w.gen != s.gen })
	go old.end()
	s.gen.done(nil)
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
