package harness

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Link is an Ethernet segment with two hosts on it, each in a network namespace
// of its own, gone with the test. It takes root and iproute2.
type Link struct {
	Server, Client         string     // names of the namespaces
	ServerAddr, ClientAddr netip.Addr // 192.0.2.1 and 192.0.2.2, of a /24
	ServerLocal            netip.Addr // the server's link-local address, with the client's zone
	ClientMAC              string

	t testing.TB
}

var links atomic.Int32

// NewLink lays the cable. It needs root.
func NewLink(t testing.TB) *Link {
	t.Helper()
	NeedRoot(t) // for network namespaces
	n := fmt.Sprintf("%d-%d", os.Getpid(), links.Add(1))
	l := &Link{
		Server: "bs" + n, Client: "bc" + n,
		ServerAddr: netip.MustParseAddr("192.0.2.1"), ClientAddr: netip.MustParseAddr("192.0.2.2"),
		t: t,
	}
	for _, ns := range []string{l.Server, l.Client} {
		l.ip("netns", "add", ns)
		t.Cleanup(func() { exec.Command("ip", "netns", "delete", ns).Run() })
	}
	l.ip("link", "add", "eth0", "netns", l.Server, "type", "veth", "peer", "name", "eth0", "netns", l.Client)
	for ns, addr := range map[string]netip.Addr{l.Server: l.ServerAddr, l.Client: l.ClientAddr} {
		l.ip("-n", ns, "address", "add", addr.String()+"/24", "brd", "+", "dev", "eth0")
		l.ip("-n", ns, "link", "set", "lo", "up")
		l.ip("-n", ns, "link", "set", "eth0", "up")
	}
	// An address of this scope is no use before duplicates have been looked for.
	settled := func() bool {
		return strings.Contains(l.ip("-n", l.Server, "-6", "address", "show", "scope", "link"), "fe80") &&
			!strings.Contains(l.ip("-n", l.Server, "-6", "address", "show", "scope", "link"), "tentative") &&
			!strings.Contains(l.ip("-n", l.Client, "-6", "address", "show", "scope", "link"), "tentative")
	}
	if !Eventually(settled) {
		t.Fatal("the link-local addresses stay tentative")
	}
	local := after(l.ip("-n", l.Server, "-6", "address", "show", "scope", "link"), "inet6 ")
	local, _, _ = strings.Cut(local, "/")
	// By number: the tests' own host may have another eth0.
	index, _, _ := strings.Cut(l.ip("-n", l.Client, "link", "show", "eth0"), ":")
	l.ServerLocal = netip.MustParseAddr(local).WithZone(index)
	l.ClientMAC = after(l.ip("-n", l.Client, "link", "show", "eth0"), "link/ether ")
	return l
}

// after returns the word that follows a mark.
func after(text, mark string) string {
	_, rest, _ := strings.Cut(text, mark)
	word, _, _ := strings.Cut(rest, " ")
	return word
}

func (l *Link) ip(args ...string) string {
	l.t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		l.t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// IP runs ip(8) on one of the hosts.
func (l *Link) IP(host string, args ...string) {
	l.t.Helper()
	l.ip(append([]string{"-n", host}, args...)...)
}

// Serve is Serve on the server's host.
func (l *Link) Serve(flags ...string) *Server {
	l.t.Helper()
	args := append([]string{"netns", "exec", l.Server}, asService()...)
	args = append(args, Brood(l.t), "serve", "--log-format", "json")
	cmd := exec.Command("ip", append(args, flags...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{} // ip itself stays root
	return Start(l.t, cmd)
}

// AsClient calls f on a thread that lives on the client's host: sockets that f
// opens stay there.
func (l *Link) AsClient(f func()) {
	l.t.Helper()
	ns, err := os.Open("/run/netns/" + l.Client)
	if err != nil {
		l.t.Fatal(err)
	}
	defer ns.Close()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		l.t.Fatal(err)
	}
}

// SetMTU changes the server's side of the cable.
func (l *Link) SetMTU(bytes int) {
	l.t.Helper()
	l.ip("-n", l.Server, "link", "set", "eth0", "mtu", fmt.Sprint(bytes))
}
