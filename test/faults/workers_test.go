package faults

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/test/harness"
	"brood/worker/workertest"
)

// stormFlags let one machine be many clients.
var stormFlags = []string{"--max-sessions", "600", "--stats-interval", "1s", "--log-level", "info"}

func TestWorkersAreKilledInAStorm(t *testing.T) {
	clients, kills := scale(60, 500), scale(30, 300)
	tree := harness.NewTree(t)
	st := newStorm(t, tree, ".", clients)
	s := harness.Serve(t, append([]string{"--root", tree.Dir, "--penalties", "off", "--min-idle", "4", "--max-idle", "4"}, stormFlags...)...)
	s.Wait("stats", func(l harness.Line) bool { return l.Int("idle") == 4 && l.Int("starting") == 0 })
	before := harness.Holds(s.PID)
	st.start(s.Addr)
	st.more(clients)
	killed := 0
	every(10*time.Millisecond, kills, func(int) {
		if kill(s.PID) {
			killed++
		}
	})
	st.more(clients)
	st.end()
	crashed := len(lines(s, "session", "crashed"))
	st.nobodyLost(crashed)
	if st.told.Load() == 0 {
		t.Errorf("no client noticed %d kills", killed)
	}
	if !harness.Eventually(func() bool {
		return len(harness.Children(s.PID)) == 4 && maps.Equal(harness.Holds(s.PID), before)
	}) {
		t.Errorf("afterwards %d workers and %v open, want 4 and %v", len(harness.Children(s.PID)), harness.Holds(s.PID), before)
	}
	c := s.Counters()
	if crashed = len(lines(s, "session", "crashed")); c.Int("crashed") != crashed || crashed > killed || c.Int("active") != 0 {
		t.Errorf("%d crashed are counted and %d logged of %d killed", c.Int("crashed"), crashed, killed)
	}
	rows.add(row{
		"SIGKILL to random workers", fmt.Sprintf("%d, one each 10 ms", killed), st.String(),
		fmt.Sprintf("crashed %d, each with SIGKILL in its line; idle ones replaced", crashed),
	})
}

// kill ends one worker that chance picks.
func kill(supervisor int) bool {
	workers := harness.Children(supervisor)
	if len(workers) == 0 {
		return false
	}
	pid := workers[rand.IntN(len(workers))]
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	// The number may have become another process's before it was opened, not after.
	if harness.Status(pid, "PPid") != fmt.Sprint(supervisor) {
		return false
	}
	return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) == nil
}

// lines are the sessions so far that ended so.
func lines(s *harness.Server, message, outcome string) (found []harness.Line) {
	for _, l := range s.Log() {
		if l.Message() == message && l.String("outcome") == outcome {
			found = append(found, l)
		}
	}
	return found
}

func TestAWorkerIsStopped(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	st := newStorm(t, tree, ".", scale(10, 50))
	tree.File("moment", 2000)
	tree.File("never", 2000)
	s := harness.Serve(t, append([]string{"--root", tree.Dir, "--stall-timeout", "3s"}, stormFlags...)...)
	st.start(s.Addr)
	st.more(20)

	// Each has a file of its own: the first one's worker may be there still.
	begin := func(file string) (peer *harness.Peer, pid int) {
		peer = harness.NewPeer(t, "127.0.0.1")
		peer.Send(s.Addr, harness.RRQ(file))
		peer.Data(1)
		title := "brood: worker 127.0.0.1 " + file
		if !harness.Eventually(func() bool {
			for _, pid = range harness.Children(s.PID) {
				if harness.Title(pid) == title {
					return true
				}
			}
			return false
		}) {
			t.Fatalf("no worker is called %s", title)
		}
		unix.Kill(pid, unix.SIGSTOP)
		return peer, pid
	}

	peer, pid := begin("moment")
	peer.Ack(1)
	unix.Kill(pid, unix.SIGCONT)
	peer.Data(2)
	for block := uint16(2); block <= 4; block++ {
		peer.Ack(block)
	}
	if l := s.Session("moment"); l.String("outcome") != "complete" {
		t.Errorf("one that goes on after a while: %v, want complete", l)
	}

	peer, _ = begin("never")
	peer.Ack(1)
	e := peer.Error(0) // at last, from the supervisor
	l := s.Session("never")
	if l.String("outcome") != "stalled" {
		t.Errorf("one that does not go on: %v, want stalled", l)
	}
	st.end()
	st.nobodyLost(0)
	rows.add(row{
		"SIGSTOP to a worker", "one goes on after a moment, one never", fmt.Sprintf("complete; ERROR %q after --stall-timeout; %v", e.Message, st),
		fmt.Sprintf("complete; stalled (%s)", l.String("detail")),
	})
}

func TestASourceStallsForEver(t *testing.T) {
	t.Parallel()
	s := serveMisbehaving(t)
	var told []string
	for _, file := range []string{"stall", "hang"} {
		client := workertest.Client{Timeout: 120 * time.Second}
		_, err := client.Get(t.Context(), s.Addr, file, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "Server ended the session") {
			t.Errorf("the client of %s got %v, want an ERROR that says who ended it", file, err)
		}
		l := s.Session(file)
		if l.String("outcome") != "stalled" {
			t.Errorf("logged %v, want it stalled", l)
		}
		told = append(told, l.String("detail"))
		if _, err := client.Get(t.Context(), s.Addr, "small", io.Discard); err != nil {
			t.Errorf("another one beside it: %v", err)
		}
	}
	rows.add(row{
		"a source that stalls for ever", "one that heeds the end of its context, one that does not", "ERROR after --stall-timeout; others notice nothing",
		"stalled: " + strings.Join(told, "; "),
	})
}
