package supervisor

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"brood/ipc"
	"brood/ipc/launch"
)

// reload tells a server of another configuration, and returns what came of it.
func (s *server) reload(config string) string {
	s.t.Helper()
	s.tell("reload:" + config)
	for {
		if e := s.next(); e.Reloaded != "" {
			return e.Reloaded
		}
	}
}

func TestAReloadIsForWhoComesLater(t *testing.T) {
	t.Parallel()
	s := startServer(t, spec{Config: "one", MinIdle: 2})
	is := func(want string) {
		t.Helper()
		for range 4 { // more than there are idle workers
			if got, _, err := get(t, s, "config"); err != nil || string(got) != want {
				t.Errorf("served %q, %v; want %q", got, err, want)
			}
		}
	}
	is("one")
	if err := s.reload("two"); err != "<nil>" {
		t.Fatalf("a good one: %s", err)
	}
	is("two")
	for config, says := range map[string]string{"refuse:no-such-root": "no-such-root", "panic": "panic: constructor"} {
		if err := s.reload(config); !strings.Contains(err, says) {
			t.Errorf("%s: %q, want %q", config, err, says)
		}
		is("two")
	}
	if err := s.reload("three"); err != "<nil>" {
		t.Errorf("after those that were wrong: %s", err)
	}
	is("three")
	s.tell("drain")
	if _, last, failed := s.end(); failed != "" || last.WorkerFailures != 0 || last.Completed != 20 {
		t.Errorf("Run returned %q, counting %+v; want 20 sessions and no failure", failed, last)
	}
}

// Those that come while one is under way are one, and it is not forgotten.
func TestOfManyReloadsTheLatestIsInForce(t *testing.T) {
	t.Parallel()
	s := startServer(t, spec{Config: "0", MinIdle: 2})
	if _, _, err := get(t, s, "config"); err != nil { // it serves
		t.Fatal(err)
	}
	const all = 50
	for i := range all {
		s.tell("reload:" + fmt.Sprint(i+1))
	}
	done, late := 0, 0
	for done+late < all {
		switch came := s.next().Reloaded; came {
		case "":
		case "<nil>":
			done++
		case "a later reload took its place":
			late++
		default:
			t.Fatalf("a reload: %s", came)
		}
	}
	if got, _, err := get(t, s, "config"); err != nil || string(got) != fmt.Sprint(all) {
		t.Errorf("served %q, %v, after %d reloads of which %d were done", got, err, all, done)
	}
}

func TestReloadsUnderLoadBreakNothing(t *testing.T) {
	t.Parallel()
	s := startServer(t, spec{Config: "0", MinIdle: 2})
	if _, _, err := get(t, s, "config"); err != nil { // it serves
		t.Fatal(err)
	}
	var latest atomic.Int64
	var stop atomic.Bool
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for !stop.Load() {
				before := latest.Load()
				got, _, err := get(t, s, "config")
				var n int64
				if fmt.Sscan(string(got), &n); err != nil || n < before {
					t.Errorf("served %q, %v; %d was in force when it asked", got, err, before)
					return
				}
			}
		})
	}
	for i := range 20 {
		if err := s.reload(fmt.Sprint(i + 1)); err != "<nil>" {
			t.Errorf("reload %d: %s", i+1, err)
		}
		latest.Store(int64(i + 1))
	}
	stop.Store(true)
	clients.Wait()
	s.tell("drain")
	if _, last, failed := s.end(); failed != "" || last.Completed != last.Started || last.Crashed != 0 {
		t.Errorf("Run returned %q, counting %+v", failed, last)
	}
}

// What the old generation's starter had been asked for comes late, and goes.
func TestAWorkerOfAnOldGenerationIsNotUsed(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MinIdle: 2})
	old := f.gen
	f.refill(f.now)
	young := f.born(t)
	young.gen = old
	returning := f.busy(&session{with: testWith})
	returning.gen, returning.last = old, false
	var came error
	next := &generation{starter: &starter{orders: make(chan order, 1), done: make(chan struct{})}, wish: &reload{done: func(err error) { came = err }}}
	next.launch, old.launch = &launch.Launch{}, &launch.Launch{}
	old.starter.done = make(chan struct{})
	f.reloading = true
	f.pool.starting++
	proof := &worker{Child: young.Child, id: 99, gen: next, proof: true}
	f.pool.all[99] = proof
	f.ready(f.now, proof)
	if came != nil || f.gen != next || f.reloading || !young.outdated || !returning.outdated || len(f.pool.idle) != 1 {
		t.Fatalf("%v; in force %v, %d idle; want the new generation and its one worker", came, f.gen == next, len(f.pool.idle))
	}
	f.ready(f.now, young)
	f.frame(f.now, returning, &ipc.Frame{Kind: ipc.KindFinal, Session: returning.session.id, Size: -1, Outcome: ipc.OutcomeComplete})
	returning.returning = true
	f.returned(f.now, returning)
	if len(f.pool.idle) != 1 || young.state != leaving || returning.state != leaving {
		t.Errorf("%d idle, states %d and %d: an old one is to be used", len(f.pool.idle), young.state, returning.state)
	}

	bad := &generation{starter: &starter{orders: make(chan order), done: make(chan struct{})}, launch: &launch.Launch{}, wish: next.wish}
	f.pool.starting++
	starting := f.pool.starting
	f.notReady(f.now, &worker{gen: bad, proof: true}, false, "it is no good")
	if came == nil || came.Error() != "it is no good" || f.gen != next || f.pool.starting != starting-1 {
		t.Errorf("a bad one: %v", came)
	}
	f.phase = draining
	f.try(next.wish, nil, errors.New("no such path"))
	if came == nil || came.Error() != "no such path" {
		t.Errorf("one whose paths are not there: %v", came)
	}
}
