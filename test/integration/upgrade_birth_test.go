package integration

import (
	"io"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"brood/test/harness"
	"brood/worker/workertest"
)

// Each new process has what an upgrade gives to it, once, and nothing of what the
// service manager meant for the first one.
func TestTheEnvironmentOfAnUpgradeIsScrubbed(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	env := m.env("WATCHDOG_USEC=60000000", "WATCHDOG_PID=", "LISTEN_PID=1", "LISTEN_PIDFDID=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=x", "OF_THE_OPERATOR=kept")
	u := harness.StartUpgradable(t, env, "--root", harness.NewTree(t).Dir)
	u.Upgrade()
	u.InstallText("#!/bin/sh\n" + `tr '\0' '\n' </proc/$$/environ | sed 's/^/environment /' >&2; exit 1`)
	syscall.Kill(u.Now, syscall.SIGUSR2)
	u.Wait("no upgrade", nil)
	var names []string
	for _, l := range u.Log() {
		if v, ok := strings.CutPrefix(l.String("text"), "environment "); ok {
			name, _, _ := strings.Cut(v, "=")
			names = append(names, name)
		}
	}
	for name, want := range map[string]int{
		"BROOD_HANDOVER": 1, "NOTIFY_SOCKET": 1, "WATCHDOG_USEC": 1, "OF_THE_OPERATOR": 1,
		"WATCHDOG_PID": 0, "LISTEN_PID": 0, "LISTEN_PIDFDID": 0, "LISTEN_FDS": 0, "LISTEN_FDNAMES": 0,
	} {
		n := 0
		for _, is := range names {
			if is == name {
				n++
			}
		}
		if n != want {
			t.Errorf("%s is there %d times, want %d; the variables are %q", name, n, want, names)
		}
	}
}

// The new process does not start as root: what it may do it has from the old one.
func TestTheCapabilitiesComeAlongWithAnUpgrade(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t)
	u := harness.StartUpgradable(t, nil, "--root", harness.NewTree(t).Dir)
	fields := []string{"Uid", "Gid", "Groups", "CapPrm", "CapEff"}
	var want []string
	for _, f := range fields {
		want = append(want, harness.Status(u.PID, f))
	}
	for range 2 {
		u.Upgrade()
		for i, f := range fields {
			if got := harness.Status(u.Now, f); got != want[i] {
				t.Errorf("%s is %q, want %q as in the first process", f, got, want[i])
			}
		}
		worker := harness.IdleWorker(u.Now)
		if worker == 0 {
			t.Fatal("the new process has no worker")
		}
		for field, want := range map[string]string{"Uid": "65534 65534 65534 65534", "CapPrm": "0000000000000000", "CapAmb": "0000000000000000"} {
			if got := harness.Status(worker, field); got != want {
				t.Errorf("%s of a worker of the new process is %q, want %q", field, got, want)
			}
		}
	}
}

// What systemd has bound goes from process to process, by its name.
func TestSocketsOfAServiceManagerGoAlongWithAnUpgrade(t *testing.T) {
	t.Parallel()
	if harness.SinglePort() {
		return // they exclude each other
	}
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	a, b, c := udp(t, "udp4", "127.0.0.1:0"), udp(t, "udp4", "127.0.0.2:0"), udp(t, "udp4", "127.0.0.3:0")
	u := harness.StartUpgradableAs(t, func(cmd *exec.Cmd) { activated(t, cmd, "tftp:other:tftp", a, b, c) },
		"--root", tree.Dir, "--listen", "fd:tftp", "--listen", "127.0.0.4:0")
	for n := range 2 {
		u.Upgrade()
		u.WaitN(3*(n+2), "listening", nil)
		u.Left(u.Before)
		for conn, want := range map[*net.UDPConn]bool{a: true, b: false, c: true} {
			at := netip.MustParseAddrPort(conn.LocalAddr().String())
			if got := holds(t, u.Now, conn); got != want {
				t.Errorf("upgrade %d: %v is held: %v, want %v", n+1, at, got, want)
			}
			if !want {
				continue
			}
			client := workertest.Client{Timeout: longTimeout}
			if _, err := client.Get(t.Context(), at, "f", io.Discard); err != nil {
				t.Errorf("upgrade %d: %v: %v", n+1, at, err)
			}
		}
	}
	addrs := map[string]int{}
	for _, l := range u.WaitN(9, "listening", nil) {
		addrs[l.String("address")]++
	}
	if len(addrs) != 3 {
		t.Errorf("three processes served %v, want three addresses, the same in each", addrs)
	}
}
