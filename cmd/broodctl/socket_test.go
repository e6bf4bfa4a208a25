package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"brood/ipc/admin"
)

// pretender is a server that answers as a test says, and remembers what it was asked.
type pretender struct {
	path  string
	hello admin.Hello

	mu      sync.Mutex
	answers map[admin.Kind][]any // items; an *admin.Error is the end
	asked   []admin.Request
}

func pretend(t *testing.T, answers map[admin.Kind][]any) *pretender {
	t.Helper()
	dir, err := os.MkdirTemp("", "ctl") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &pretender{path: filepath.Join(dir, "s"), hello: admin.Hello{Version: admin.Version, Program: "pretender", PID: 1, MayChange: true}, answers: answers}
	l, err := net.Listen("unix", p.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	return p
}

func (p *pretender) serve(conn net.Conn) {
	defer conn.Close()
	b, _ := p.hello.Append(nil)
	conn.Write(b)
	for {
		r, err := admin.ReadRequest(conn)
		if err != nil {
			return
		}
		p.mu.Lock()
		p.asked = append(p.asked, r)
		items := p.answers[r.Kind]
		p.mu.Unlock()
		b = nil
		end := admin.AppendEnd
		for _, item := range items {
			if e, ok := item.(*admin.Error); ok {
				end = func(b []byte, id uint32) ([]byte, error) { return admin.AppendError(b, id, e) }
				break
			}
			if item == nil { // the connection ends here
				conn.Write(b)
				return
			}
			b, _ = admin.AppendItem(b, r.ID, item)
		}
		b, _ = end(b, r.ID)
		conn.Write(b)
	}
}

func TestAnArgumentThatTheServerRefusesIsAWrongArgument(t *testing.T) {
	t.Parallel()
	p := pretend(t, map[admin.Kind][]any{admin.KindHistory: {&admin.Error{Code: admin.CodeWrong, Message: "xx: want an address"}}})
	if code, _, stderr := broodctl(t, "", "history", "--peer", "xx", "--socket", p.path); code != exitUsage || !strings.Contains(stderr, "broodctl: xx: want an address") {
		t.Errorf("exits %d: %s", code, stderr)
	}
}

func TestWhatCommandsPrint(t *testing.T) {
	t.Parallel()
	received := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	p := pretend(t, map[admin.Kind][]any{
		admin.KindStatus: {&admin.Status{
			Program: "brood 1", PID: 7, State: "draining", DrainLeft: 29.5, Uptime: 3700, Generation: 2, LogLevel: "info", Sandbox: "strict",
			Listeners: []string{"0.0.0.0:69", "[::]:69"}, Active: 3, Waiting: 1, MaxSessions: 1024, Reloading: true,
			Rules:    []admin.Rule{{Prefix: "10.0.0.0/8", Left: 61}, {Prefix: "10.1.0.0/16", Allow: true, Left: 5}},
			Counters: admin.Counters{Started: 12, RefusedDenied: 3, Bytes: 5_000_000},
		}},
		admin.KindSessions: {
			&admin.Session{ID: 12, Peer: "192.0.2.9:2070", File: "vmlinuz", State: "waiting", Size: -1, Age: 0.2},
			&admin.Session{ID: 7, Peer: "192.0.2.7:2070", MAC: "52:54:00:12:34:56", File: "initrd.img", State: "serving", Size: 4000, Bytes: 1000, Rate: 500, RoundTrip: 0.0012, Retransmissions: 2, Age: 75, Worker: 99},
		},
		admin.KindHistory: {&admin.Ended{ID: 3, Peer: "192.0.2.7:2070", File: "x", Received: received, Outcome: "refused", ErrorCode: 1, Detail: "no such file", Duration: 0.5, Bytes: 1000}},
		admin.KindEvents:  {&admin.Event{Event: admin.EventWatching}, &admin.Event{Event: admin.EventBegun, Session: &admin.Session{ID: 1, File: "<&>"}}, &admin.Event{Event: admin.EventGone, Reason: admin.ReasonDrained}},
		admin.KindReload:  {&admin.Error{Code: admin.CodeFailed, Message: "not reloaded: because"}},
		admin.KindConfig:  {&admin.Chunk{Bytes: []byte("something ")}, &admin.Chunk{Bytes: []byte("else")}},
	})
	for _, tt := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"status"}, exitOK, `server         brood 1, pid 7
state          draining, for 29 s at most, reloading
configuration  flags alone, generation 2, log level info
addresses      0.0.0.0:69, [::]:69
sandbox        strict
sessions       3 of 1024 run, 1 requests wait
idle workers   0, and 0 on their way
rule           deny 10.0.0.0/8 for 1m01s
rule           allow 10.1.0.0/16 for 5 s

started              12
refused-denied       3
bytes                5000000 (5.0 MB)
`, ""},
		{[]string{"sessions"}, exitOK, `ID  CLIENT          MAC                FILE        STATE    DONE    SIZE     RATE      RTT  AGAIN    AGE  WORKER
 7  192.0.2.7:2070  52:54:00:12:34:56  initrd.img  serving  25 %  4.0 kB  500 B/s  1.20 ms      2  1m15s      99
12  192.0.2.9:2070  -                  vmlinuz     waiting   0 B       -    0 B/s        -      0    0 s       -
`, ""},
		{[]string{"history"}, exitOK, `REQUESTED            ID  CLIENT          MAC  FILE  OUTCOME   BYTES    TOOK      RATE  AGAIN  DETAIL
2026-01-02 03:04:05   3  192.0.2.7:2070  -    x     refused  1.0 kB  500 ms  2.0 kB/s      0  ERROR 1 no such file
`, ""},
		{[]string{"sessions", "--json"}, exitOK, "[\n  {\n    \"id\": 12,\n    \"peer\": \"192.0.2.9:2070\",\n", ""},
		{[]string{"status", "--json"}, exitOK, "\"refused-denied\": 3,", ""},
		{[]string{"history", "--json"}, exitOK, "\"outcome\": \"refused\",", ""},
		{[]string{"sessions", "--json", "--watch"}, exitOK, `"file":"<&>"`, ""},
		{[]string{"sessions", "--watch", "--every", "1ms"}, exitUsage, "", "--every 1ms: want at least 100ms"},
		{[]string{"reload"}, exitError, "", "not reloaded: because\n"},
		{[]string{"show-config"}, exitError, "", "install both from the same release"},
		{[]string{"show-config", "--retries", "3"}, exitUsage, "", "over a FILE: which?"},
		{[]string{"drain"}, exitOK, "", ""},
		{[]string{"drain", "--wait"}, exitOK, "", ""},
		{[]string{"kill", "7", "8"}, exitOK, "", ""},
		{[]string{"kill"}, exitUsage, "", "requires at least 1 arg"},
		{[]string{"kill", "vmlinuz"}, exitUsage, "", `session "vmlinuz": want a number`},
		{[]string{"log-level", "debug"}, exitOK, "", ""},
		{[]string{"log-level", "loud"}, exitUsage, "", `level "loud": want one of trace, debug`},
		{[]string{"deny", "10.0.0.0/8", "--for", "90s"}, exitOK, "", ""},
		{[]string{"allow", "10.1.2.3", "--lift"}, exitOK, "", ""},
		{[]string{"deny", "10.0.0.0/8"}, exitUsage, "", "for how long?"},
		{[]string{"deny", "10.0.0.0/8", "--for", "-1s"}, exitUsage, "", "--for -1s: want a duration"},
		{[]string{"deny", "10.0.0.0/8", "--for", "1h", "--lift"}, exitUsage, "", "want one of them"},
		{[]string{"deny", "10.0.0.0/8", "--for", "20000h"}, exitUsage, "", "--for 20000h0m0s: want a year at most"},
		{[]string{"deny", "10.0.0.1/8", "--for", "1h"}, exitUsage, "", "10.0.0.0/8 is the whole network"},
		{[]string{"history", "--peer", "10.0.0.1", "--mac", "52:54:00:12:34:56"}, exitUsage, "", "[mac peer]"},
		{[]string{"history", "--peer", "10.0.0.1", "--limit", "3"}, exitOK, "refused", ""},
		{[]string{"probe"}, 1, "BROOD WARNING: draining, 3 sessions left | ", ""},
		{[]string{"probe", "--crit-waiting", "1"}, 2, "BROOD CRITICAL: ", ""},
		{[]string{"probe", "--fetch", "tftp://127.0.0.1:1/y"}, 2, "BROOD CRITICAL: y from 127.0.0.1:1: ", ""},
		{[]string{"probe", "--fetch", "http://x/y"}, 3, "BROOD UNKNOWN: --fetch http://x/y: ", ""},
		{[]string{"probe", "--loud"}, 3, "BROOD UNKNOWN: unknown flag: --loud\n", ""},
		{[]string{"probe", "FILE"}, 3, "BROOD UNKNOWN: unknown command \"FILE\"", ""},
	} {
		code, stdout, stderr := broodctl(t, "", append(tt.args, "--socket", p.path)...)
		matches := strings.Contains(stdout, tt.stdout)
		if strings.HasSuffix(tt.stdout, "\n") && tt.code == exitOK && strings.Count(tt.stdout, "\n") < 20 && !strings.HasPrefix(tt.stdout, "[") {
			matches = stdout == tt.stdout
		}
		if code != tt.code || !matches || !strings.Contains(stderr, tt.stderr) || tt.stdout == "" && stdout != "" || tt.stderr == "" && stderr != "" {
			t.Errorf("broodctl %q exits %d\nstdout: %s\nstderr: %s\nwant %d,\n%s\nand %q", tt.args, code, stdout, stderr, tt.code, tt.stdout, tt.stderr)
		}
	}
	want := map[admin.Request]bool{
		{Kind: admin.KindKill, Number: 7}: true, {Kind: admin.KindKill, Number: 8}: true, {Kind: admin.KindLogLevel, Text: "debug"}: true,
		{Kind: admin.KindDeny, Text: "10.0.0.0/8", Number: 90_000}: true, {Kind: admin.KindAllow, Text: "10.1.2.3/32"}: true,
		{Kind: admin.KindHistory, Text: "10.0.0.1", Number: 3}: true, {Kind: admin.KindHistory, Number: 100}: true,
		{Kind: admin.KindEvents, Text: "progress"}: true, {Kind: admin.KindDrain}: true, {Kind: admin.KindReload}: true,
	}
	for _, r := range p.asked {
		r.ID = 0
		delete(want, r)
	}
	if len(want) > 0 {
		t.Errorf("the server was not asked %v", want)
	}
}

func TestWhyAServerCantBeAsked(t *testing.T) {
	t.Parallel()
	newer := pretend(t, nil)
	newer.hello.Version++
	busy := pretend(t, map[admin.Kind][]any{admin.KindStatus: {&admin.Error{Code: admin.CodeBusy, Message: "too many clients"}}})
	gone := pretend(t, map[admin.Kind][]any{admin.KindStatus: {nil}, admin.KindEvents: {nil}, admin.KindDrain: {}})
	onlooker := pretend(t, map[admin.Kind][]any{admin.KindDrain: {&admin.Error{Code: admin.CodeForbidden, Message: "drain is for root"}}})
	upgraded := pretend(t, map[admin.Kind][]any{admin.KindEvents: {&admin.Event{Event: admin.EventWatching}, &admin.Event{Event: admin.EventGone, Reason: admin.ReasonUpgraded}}})
	dir := t.TempDir()
	stale := filepath.Join(filepath.Dir(newer.path), "stale")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	for _, tt := range []struct {
		name, path string
		args       []string
		want       string
		probe      int
	}{
		{"no socket", filepath.Join(dir, "none"), []string{"status"}, "no such socket: is the server running, and was it started with --admin " + filepath.Join(dir, "none"), 2},
		{"a killed server's", stale, []string{"status"}, "nobody listens there", 2},
		{"a newer server", newer.path, []string{"status"}, "the server is newer: it speaks version 2 of the admin protocol, and this program version 1", 2},
		{"one that has no room", busy.path, []string{"status"}, "too many clients", 3},
		{"one that ends", gone.path, []string{"status"}, "the server has closed the connection", 2},
		{"one that ends while it is watched", gone.path, []string{"drain", "--wait"}, "the server has closed the connection", 2},
		{"one that may only be looked at", onlooker.path, []string{"drain"}, "drain is for root: it is for", 3},
		{"one that was upgraded", upgraded.path, []string{"drain", "--wait"}, "another process has taken over", 3},
	} {
		code, stdout, stderr := broodctl(t, "", append(tt.args, "--socket", tt.path)...)
		if code != exitError || stdout != "" || !strings.Contains(stderr, tt.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, %s%s; want %q", tt.name, code, stdout, stderr, tt.want)
		}
		code, stdout, stderr = broodctl(t, "", "probe", "--socket", tt.path)
		if code != tt.probe || strings.Count(stdout, "\n") != 1 || stderr != "" {
			t.Errorf("%s: a probe exits %d, %s%s; want %d", tt.name, code, stdout, stderr, tt.probe)
		}
	}
}

func TestTheListIsTheOneInTheREADME(t *testing.T) {
	t.Parallel()
	p := pretend(t, map[admin.Kind][]any{admin.KindSessions: {
		&admin.Session{ID: 1, Peer: "192.0.2.7:2070", File: "images/vmlinuz", State: "serving", Size: 571200, Bytes: 142800, Rate: 23800, RoundTrip: 0.0012, Retransmissions: 2, Age: 6.1, Worker: 18862},
		&admin.Session{ID: 2, Peer: "192.0.2.9:2070", File: "images/vmlinuz", State: "waiting", Size: -1, Age: 1.9},
	}})
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, screen, _ := strings.Cut(string(page), "$ broodctl sessions # one that runs, and one that waits\n")
	screen, _, _ = strings.Cut(screen, "```")
	if _, stdout, stderr := broodctl(t, "", "sessions", "--socket", p.path); stdout != screen || screen == "" {
		t.Errorf("it is\n%s%sand the page has\n%s", stdout, stderr, screen)
	}
}
