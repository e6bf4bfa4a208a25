package integration

import (
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"brood/test/harness"
	"brood/worker/workertest"
)

func TestAnUpgradeKeepsWhoIsServedAndWhoWaits(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	u := harness.StartUpgradable(t, nil, "--root", tree.Dir, "--max-sessions", "1")
	holder, waiting := harness.NewPeer(t, "127.0.0.1"), harness.NewPeer(t, "127.0.0.2")
	holder.Send(u.Addr, harness.RRQ("f"))
	holder.Data(1)
	waiting.Send(u.Addr, harness.RRQ("f"))
	u.Upgrade()
	u.Wait("draining", func(l harness.Line) bool { return l.String("at-most") == "10m0s" })
	holder.Send(u.Addr, harness.RRQ("f")) // it is being answered, by the old process
	waiting.Data(1)
	if l := u.Wait("taken over", nil); l.Int("waiting") != 1 || l.Int("served-there") != 1 {
		t.Errorf("logged %v, want one that waits and one that is served", l)
	}
	for _, peer := range []*harness.Peer{holder, waiting} {
		peer.Ack(1)
		peer.Data(2)
		peer.Ack(2)
		peer.Data(3)
		peer.Ack(3)
	}
	u.WaitN(2, "session", func(l harness.Line) bool { return l.String("outcome") == "complete" })
	u.Left(u.PID)
	if code := u.End(); code != 0 {
		t.Errorf("the old process ended with %d", code)
	}
	stats := u.WaitN(2, "stats", nil)
	// The repetition is the new one's to read, or, on a single port, the session's.
	if c := stats[1]; c.Int("started") != 1 || c.Int("duplicates")+stats[0].Int("duplicates") != 1 {
		t.Errorf("the processes count %v and %v, want one session each and one duplicate", stats[0], c)
	}
}

func TestAnUpgradeThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	u := harness.StartUpgradable(t, nil, "--root", tree.Dir)
	for i, tt := range []struct{ script, says string }{
		{"this is no program", "exec format error"},
		{"#!/bin/sh\necho broken >&2; exit 1\n", "ended before it was ready"},
		{"#!/bin/sh\necho X >&3; exec cat <&3\n", "ended before it was ready"}, // says what nobody understands
	} {
		u.InstallText(tt.script)
		u.Signal(syscall.SIGUSR2)
		if l := u.WaitN(i+1, "no upgrade", nil)[i]; !strings.Contains(l.String("why"), tt.says) {
			t.Errorf("logged %v, want %q", l, tt.says)
		}
		client := workertest.Client{Timeout: longTimeout}
		if _, err := client.Get(t.Context(), u.Addr, "f", io.Discard); err != nil {
			t.Errorf("after %q: %v", tt.script, err)
		}
	}
	u.Install(harness.Brood(t))
	u.Upgrade()
	client := workertest.Client{Timeout: longTimeout}
	if _, err := client.Get(t.Context(), u.Addr, "f", io.Discard); err != nil {
		t.Errorf("after one that works: %v", err)
	}
}

func TestTheServiceManagerFollowsAnUpgrade(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	tree := harness.NewTree(t)
	u := harness.StartUpgradable(t, m.env("WATCHDOG_USEC=1000000"), "--root", tree.Dir)
	m.wait("READY=1")
	u.Upgrade()
	m.wait(fmt.Sprintf("MAINPID=%d", u.Now))
	u.Left(u.PID)
	m.messages(time.Millisecond, "") // what was said until then
	m.wait("WATCHDOG=1")
	if code := u.End(); code != 0 {
		t.Errorf("the old process ended with %d", code)
	}
	m.wait("STOPPING=1")
	for _, said := range m.said {
		if strings.Contains(said, "STOPPING") && said != m.said[len(m.said)-1] {
			t.Errorf("it was told %q: the old process has stopped, the service has not", m.said)
		}
	}
}
