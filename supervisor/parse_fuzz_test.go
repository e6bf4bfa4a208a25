package supervisor

import (
	"fmt"
	"strings"
	"testing"
)

// FuzzParsePrefix: what is accepted is a whole network that Options accept, and
// reads the same when it is written out again.
func FuzzParsePrefix(f *testing.F) {
	for _, in := range []string{"192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "::1", "::ffff:192.0.2.7", "::ffff:192.0.2.0/120", "fe80::1%eth0", "10.0.0.1/8", "0.0.0.0/0", ""} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p, err := ParsePrefix(in)
		if err != nil {
			if !strings.Contains(err.Error(), fmt.Sprintf("%q", in)) {
				t.Fatalf("%q: %v does not name it", in, err)
			}
			return
		}
		if again, err := ParsePrefix(p.String()); err != nil || again != p || p.Masked() != p {
			t.Fatalf("%q parsed to %v, and that to %v (%v)", in, p, again, err)
		}
		if p.Addr().Is4In6() {
			return // refused by Options, with a reason
		}
		if _, err := (Options{Allow: append(Options{}.Allow, p)}).settle(); err != nil {
			t.Fatalf("%q parsed to %v, which Options refuse: %v", in, p, err)
		}
	})
}

// FuzzParseListen: what is accepted is one address, or one of each family with the
// same port.
func FuzzParseListen(f *testing.F) {
	for _, in := range []string{":69", "127.0.0.1:0", "[::1]:69", "[::ffff:192.0.2.1]:69", "[fe80::1%2]:69", "69", ":", ":65536", "localhost:69", "fd:tftp"} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		addrs, err := parseListen(in)
		if err != nil {
			return
		}
		if n := len(addrs); n == 0 || n > 2 || n == 2 && (addrs[0].Port() != addrs[1].Port() || addrs[0].Addr().Is4() == addrs[1].Addr().Is4()) {
			t.Fatalf("%q is %v", in, addrs)
		}
		for _, a := range addrs {
			if again, err := parseListen(a.String()); err != nil || len(again) != 1 || again[0] != a {
				t.Fatalf("%q is %v, and that is %v (%v)", in, a, again, err)
			}
		}
	})
}

// FuzzParseManager: no environment makes up descriptors, or a watchdog without a pace.
func FuzzParseManager(f *testing.F) {
	f.Add("/run/notify", "10000000", "", "42", "2", "tftp:other")
	f.Add("@abstract", "", "", "42", "4095", "")
	f.Add("relative", "-1", "7", "41", "1", "x")
	f.Fuzz(func(t *testing.T, notify, usec, watchdogPID, listenPID, fds, names string) {
		m, err := parseManager(map[string]string{
			"NOTIFY_SOCKET": notify, "WATCHDOG_USEC": usec, "WATCHDOG_PID": watchdogPID,
			"LISTEN_PID": listenPID, "LISTEN_FDS": fds, "LISTEN_FDNAMES": names,
		}, 42)
		if len(m.Sockets) > 4095 || len(m.Sockets) > 0 && listenPID != "42" || m.Watchdog < 0 {
			t.Fatalf("%+v", m)
		}
		if err == nil && usec != "" && (watchdogPID == "" || watchdogPID == "42") && m.Watchdog == 0 {
			t.Fatalf("WATCHDOG_USEC=%q was accepted, and is no watchdog", usec)
		}
		seen := map[int]bool{}
		for _, s := range m.Sockets {
			if s.FD < firstInherited || seen[s.FD] || s.Name == "" {
				t.Fatalf("sockets %+v", m.Sockets)
			}
			seen[s.FD] = true
		}
	})
}
