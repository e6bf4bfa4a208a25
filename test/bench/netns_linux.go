package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// namespace is the name of a network namespace with nothing but loopback.
type namespace string

func (n namespace) create() error {
	if err := ip("netns", "add", string(n)); err != nil {
		return err
	}
	if err := ip("-n", string(n), "link", "set", "lo", "up"); err != nil {
		return err
	}
	// tftpd-hpa resolves even 127.0.0.1 with AI_ADDRCONFIG, for which a host with
	// no other address has no IPv4.
	return ip("-n", string(n), "address", "add", "192.0.2.1/32", "dev", "lo")
}

func (n namespace) end() error { return ip("netns", "delete", string(n)) }

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// do calls f on a thread of its own that lives in the namespace: sockets that f
// opens stay there.
func (n namespace) do(f func() error) error {
	ns, err := os.Open("/run/netns/" + string(n))
	if err != nil {
		return err
	}
	defer ns.Close()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// dropped returns how many datagrams the namespace's sockets had no room for
// since it was made. The calling thread must live in it.
func dropped() (int64, error) {
	b, err := os.ReadFile("/proc/thread-self/net/snmp")
	if err != nil {
		return 0, err
	}
	var names []string
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "Udp:" {
			continue
		}
		if names == nil {
			names = f
			continue
		}
		for i, name := range names {
			if name == "RcvbufErrors" && i < len(f) {
				return strconv.ParseInt(f[i], 10, 64)
			}
		}
	}
	return 0, fmt.Errorf("no RcvbufErrors in net/snmp")
}
