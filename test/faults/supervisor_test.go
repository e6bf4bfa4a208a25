package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"brood/test/harness"
)

func TestTheSupervisorIsKilledInAStorm(t *testing.T) {
	clients, kills := scale(60, 500), scale(3, 5)
	tree := harness.NewTree(t)
	st := newStorm(t, tree, ".", clients)
	flags := append([]string{"--root", tree.Dir}, stormFlags...)
	s := harness.Serve(t, flags...)
	st.start(s.Addr)
	flags = append(flags, "--listen", s.Addr.String())
	orphans := 0
	for range kills {
		st.more(clients)
		workers := harness.Children(s.PID)
		s.Kill()
		s = harness.Serve(t, flags...)
		orphans += len(workers)
	}
	st.more(clients)
	st.end()
	st.nobodyLost(0)
	if c := s.Counters(); c.Int("crashed") > 0 || c.Int("completed") == 0 {
		t.Errorf("the last one counts %v", c)
	}
	rows.add(row{
		"the supervisor killed (-9) and started again", fmt.Sprintf("%d times; %d workers lived on, idle ones ended", kills, orphans),
		st.String(), "nothing of the old one's is counted; nothing crashed",
	})
}

func TestTenUpgradesInARowLoseNothing(t *testing.T) {
	clients := scale(30, 200)
	tree := harness.NewTree(t)
	st := newStorm(t, tree, ".", clients)
	st.client.Timeout = time.Minute // one try only: what is lost fails
	u := harness.StartUpgradable(t, nil, append([]string{"--root", tree.Dir}, stormFlags...)...)
	small := smallBuffers(u)
	st.start(u.Addr)
	for range 10 {
		st.more(clients)
		u.Upgrade()
	}
	st.more(clients)
	st.end()
	st.nobodyLost(0)
	if st.repeated.Load() > 0 {
		t.Errorf("%d requests were asked again", st.repeated.Load())
	}
	// Root makes them as large as it likes; the others, who are not root, leave it so.
	if n := smallBuffers(u); small == 0 && n > 0 {
		t.Errorf("%d processes say that the ports' buffers are too small, and the first did not", n)
	}
	if code := u.End(); code != 0 {
		t.Errorf("the first process ended with %d", code)
	}
	for _, l := range u.WaitN(int(st.served.Load()), "session", nil) {
		if l.String("outcome") != "complete" {
			t.Errorf("logged %v", l)
		}
	}
	rows.add(row{"ten upgrades in a row", "each when every client has been served once more on average", st.String(), "complete, all"})
}

// smallBuffers is how many processes said that they could not make the ports'
// receive buffers as large as they want them.
func smallBuffers(u *harness.Upgradable) (n int) {
	for _, l := range u.Log() {
		if strings.HasPrefix(l.Message(), "the ports' receive buffers are smaller") {
			n++
		}
	}
	return n
}

// Each reload has another tree served, or fails because there is none.
func TestReloadsInAStorm(t *testing.T) {
	clients, reloads := scale(30, 200), scale(20, 200)
	tree := harness.NewTree(t)
	root := filepath.Join(tree.Dir, "root")
	st := newStorm(t, tree, "a", clients)
	if err := os.CopyFS(tree.Dir+"/b", os.DirFS(tree.Dir+"/a")); err != nil {
		t.Fatal(err)
	}
	point := func(to string) {
		os.Remove(root + ".new")
		if err := os.Symlink(to, root+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(root+".new", root); err != nil {
			t.Fatal(err)
		}
	}
	point("a")
	s := harness.Serve(t, append([]string{"--root", root}, stormFlags...)...)
	st.start(s.Addr)
	st.more(clients)
	const done, refused = "reloaded: sessions that begin from now on are served by the new configuration", "not reloaded: what was in force still is"
	every(100*time.Millisecond, reloads, func(i int) {
		point([]string{"b", "nowhere", "a"}[i%3])
		s.Signal(syscall.SIGHUP)
	})
	point("a")
	s.Signal(syscall.SIGHUP)
	st.more(clients)
	st.end()
	st.nobodyLost(0)
	good, bad := len(s.WaitN(reloads/4, done, nil)), len(s.WaitN(reloads/10, refused, nil))
	if c := s.Counters(); c.Int("crashed") > 0 || c.Int("failed")+c.Int("missing") > 0 {
		t.Errorf("counters %v", c)
	}
	rows.add(row{
		"reload", fmt.Sprintf("%d times, one each 100 ms, the root being a, nowhere, b in turn", reloads), st.String(),
		fmt.Sprintf("%d reloaded, %d refused with the reason, the others overtaken by the next", good, bad),
	})
}

// The new process of an upgrade hangs, and is killed by somebody; or, where there is
// the time for it, by the old one.
func TestAnUpgradeThatNeverGetsReady(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	st := newStorm(t, tree, ".", 5)
	u := harness.StartUpgradable(t, nil, append([]string{"--root", tree.Dir}, stormFlags...)...)
	st.start(u.Addr)
	u.InstallText("#!/bin/sh\nexec sleep 600\n")
	u.Signal(syscall.SIGUSR2)
	pid := u.Wait("upgrading", nil).Int("pid")
	done := "a new process that says nothing, for 40 s"
	if !*full {
		st.more(5)
		syscall.Kill(pid, syscall.SIGKILL)
	}
	why := u.Wait("no upgrade", nil).String("why")
	if *full && !strings.Contains(why, "took longer than") {
		t.Errorf("no upgrade, because %s", why)
	}
	st.more(5)
	st.end()
	st.nobodyLost(0)
	if harness.Title(pid) != "" {
		t.Errorf("the new process %d is still there", pid)
	}
	rows.add(row{"an upgrade that hangs", done, st.String(), fmt.Sprintf("%q: %s", "no upgrade", why)})
}
