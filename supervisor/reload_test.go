package supervisor

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
	for config, says := range map[string]string{"refuse:no-such-root": "no-such-root", "panic": "panic: constructor", "unreadable:not-YAML": "not-YAML"} {
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
	if _, last, failed := s.end(); failed != "" || last.WorkerFailures != 0 || last.Completed != 24 {
		t.Errorf("Run returned %q, counting %+v; want 24 sessions and no failure", failed, last)
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
	next := &generation{starter: &starter{orders: make(chan order, 1), done: make(chan struct{})}, settings: &f.settings, wish: &reload{done: func(err error) { came = err }}}
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

func TestAReloadTakesWhatCanChangeWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{Timeout: time.Second, MaxRequestsPerSource: 1})
	source := netip.MustParseAddr("192.0.2.1")
	for f.gate.often(f.now, source) {
	}
	adopt := func(o Options) {
		t.Helper()
		settled, err := o.settle()
		if err != nil {
			t.Fatal(err)
		}
		f.adopt(time.Now(), &generation{settings: settled})
	}
	adopt(Options{
		Timeout: 2 * time.Second, MaxRequestsPerSource: 1, MaxBlksize: 600, MinIdle: 1, MaxSessions: 7, User: "tftp",
		Deny: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	})
	if f.Timeout != 2*time.Second || f.MaxBlksize != 600 || f.MinIdle != 1 || f.gate.access.allows(source) || f.MaxSessions == 7 || f.User != "" {
		t.Errorf("it goes by %+v", f.Options)
	}
	if f.gate.often(f.now, source) {
		t.Error("a source's credit came back, though the rate is the same")
	}
	adopt(Options{MaxRequestsPerSource: 2})
	if !f.gate.often(f.now, source) || !f.gate.access.allows(source) {
		t.Error("the new rate and the new access are not in force")
	}
}

// Every option is either taken or named among those that take a restart, but for
// those that are the program's and not the operator's.
func TestNoOptionIsForgottenByAReload(t *testing.T) {
	t.Parallel()
	before, err := Options{}.settle()
	if err != nil {
		t.Fatal(err)
	}
	programs := []string{"Manager", "Config", "ReadPaths", "Sandbox", "RequireSandbox", "MaxAddressSpace", "OnSessionStats", "OnServerStats", "Logger"}
	all := reflect.TypeFor[Options]()
	for i := range all.NumField() {
		name := all.Field(i).Name
		if slices.Contains(programs, name) {
			continue // of the generation, or constant
		}
		f := newFake(t, Options{})
		next := *before
		switch v := reflect.ValueOf(&next.Options).Elem().Field(i); v.Kind() {
		case reflect.Int, reflect.Int64:
			v.SetInt(v.Int() + 1)
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.String:
			v.SetString("other")
		case reflect.Slice:
			switch name {
			case "Listen":
				next.Listen = []string{"192.0.2.1:69"}
			case "Helpers":
				next.Helpers = []Helper{} // of a program none would be started
			default:
				v.Set(reflect.ValueOf([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}))
			}
		case reflect.Struct:
			next.PortRange = PortRange{1, 2}
		default:
			t.Fatalf("%s is a %v", name, v.Kind())
		}
		fixed := f.fixed(&next)
		f.adopt(time.Now(), &generation{settings: &next})
		taken := reflect.DeepEqual(reflect.ValueOf(f.Options).Field(i).Interface(), reflect.ValueOf(next.Options).Field(i).Interface())
		if named := slices.Contains(fixed, name); taken == named {
			t.Errorf("%s: taken %v, named as fixed %v", name, taken, named)
		}
	}
}
