package main

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"brood/supervisor"
	"brood/worker/workertest"
)

func TestRunExitCodes(t *testing.T) {
	t.Parallel()
	taken, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"nothing", nil, exitUsage, "", "Usage:"},
		{"an unknown command", []string{"server"}, exitUsage, "", `unknown command "server"`},
		{"help", []string{"help"}, exitOK, "Usage:", ""},
		{"-h", []string{"-h"}, exitOK, "Usage:", ""},
		{"--help", []string{"--help"}, exitOK, "Usage:", ""},
		{"version", []string{"version"}, exitOK, "brood ", ""},
		{"serve --help", []string{"serve", "--help"}, exitOK, "--root DIR", ""},
		{"serve -h", []string{"serve", "-h"}, exitOK, "--root DIR", ""},
		{"no root", []string{"serve"}, exitUsage, "", "--root DIR is missing"},
		{"an unknown flag", []string{"serve", "--root", ".", "--rot"}, exitUsage, "", "rot"},
		{"a number that is none", []string{"serve", "--root", ".", "--retries", "many"}, exitUsage, "", `"many"`},
		{"a duration without its unit", []string{"serve", "--root", ".", "--timeout", "1"}, exitUsage, "", `"1"`},
		{"an argument too much", []string{"serve", "--root", ".", "more"}, exitUsage, "", `unexpected argument "more"`},
		{"a log format", []string{"serve", "--root", ".", "--log-format", "xml"}, exitUsage, "", `"xml"`},
		{"a log level", []string{"serve", "--root", ".", "--log-level", "loud"}, exitUsage, "", `"loud"`},
		{"a sandbox", []string{"serve", "--root", ".", "--sandbox", "tight"}, exitUsage, "", `"tight"`},
		{"too little address space", []string{"serve", "--root", ".", "--max-address-space", "100"}, exitUsage, "", "MaxAddressSpace"},
		{"a port range", []string{"serve", "--root", ".", "--port-range", "9-8"}, exitUsage, "", `"9-8"`},
		{"a port in use", []string{"serve", "--root", ".", "--listen", taken.LocalAddr().String()}, exitError, "", "ss -ulpn"},
		{"a port in use, told as JSON", []string{"serve", "--root", ".", "--log-format", "json", "--listen", taken.LocalAddr().String()}, exitError, "", `"error":`},
	} {
		var stdout, stderr bytes.Buffer
		code := run(tt.args, &stdout, &stderr)
		if code != tt.code || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("%s: brood %q exits %d\nstdout: %s\nstderr: %s\nwant %d, %q and %q",
				tt.name, tt.args, code, &stdout, &stderr, tt.code, tt.stdout, tt.stderr)
		}
		if tt.stdout == "" && stdout.Len() > 0 || tt.stderr == "" && stderr.Len() > 0 {
			t.Errorf("%s: brood %q says\nstdout: %s\nstderr: %s\nwant one of them silent", tt.name, tt.args, &stdout, &stderr)
		}
	}
}

// Whatever is out of range is refused before anything is served, with its name.
func TestServeRefusesWhatIsOutOfRange(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ flag, value, want string }{
		{"listen", "localhost:69", `"localhost:69"`},
		{"max-sessions", "-1", "MaxSessions -1"},
		{"sessions-per-worker", "-1", "SessionsPerWorker -1"},
		{"sessions-per-worker", "10001", "SessionsPerWorker 10001"},
		{"max-blksize", "7", "MaxBlksize 7"},
		{"max-blksize", "65465", "MaxBlksize 65465"},
		{"max-windowsize", "65536", "MaxWindowsize 65536"},
		{"max-burst", "-1", "MaxBurst -1"},
		{"retries", "101", "Retries 101"},
		{"timeout", "1ms", "Timeout 1ms"},
		{"timeout", "256s", "Timeout 4m16s"},
		{"user", "no-such-account", `"no-such-account"`},
	} {
		var stdout, stderr bytes.Buffer
		args := []string{"serve", "--root", ".", "--listen", "127.0.0.1:0", "--" + tt.flag, tt.value}
		if code := run(args, &stdout, &stderr); code == exitOK || !strings.Contains(stderr.String(), tt.want) {
			t.Errorf("brood %q exits %d: %s\nwant another code and %s", args, code, &stderr, tt.want)
		}
	}
}

func TestParseServe(t *testing.T) {
	t.Parallel()
	defaults := serveFlags{root: "/srv", mtuClamp: "on", sandbox: "on", penalties: "on", logFormat: "text", logLevel: "info"}
	with := func(change func(*serveFlags)) serveFlags {
		f := defaults
		change(&f)
		return f
	}
	for _, tt := range []struct {
		args []string
		want serveFlags
	}{
		{nil, defaults},
		{[]string{"--listen", ":69", "-listen", "[::1]:69"}, with(func(f *serveFlags) { f.listen = []string{":69", "[::1]:69"} })},
		{[]string{"--follow=/a", "--follow", "/b"}, with(func(f *serveFlags) { f.follow = []string{"/a", "/b"} })},
		{[]string{"--port-range", "1-2"}, with(func(f *serveFlags) { f.portRange = "1-2" })},
		{[]string{"--sandbox", "require"}, with(func(f *serveFlags) { f.sandbox = "require" })},
		{[]string{"--max-address-space", "8192"}, with(func(f *serveFlags) { f.maxAddressSpace = 8192 })},
		{[]string{"--max-address-space", "0"}, with(func(f *serveFlags) { f.maxAddressSpace = -1 })},
		{[]string{"--user", "tftp"}, with(func(f *serveFlags) { f.user = "tftp" })},
		{[]string{"--min-idle", "-1"}, with(func(f *serveFlags) { f.minIdle = -1 })},
		{[]string{"--min-idle", "0", "--retries", "0"}, with(func(f *serveFlags) { f.minIdle, f.retries = -1, -1 })},
		{[]string{"--max-idle", "9"}, with(func(f *serveFlags) { f.maxIdle = 9 })},
		{[]string{"--max-sessions", "10"}, with(func(f *serveFlags) { f.maxSessions = 10 })},
		{[]string{"--allow", "10.0.0.0/8", "--allow", "::1", "--deny", "10.1.0.0/16"}, with(func(f *serveFlags) {
			f.allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
			f.deny = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
		})},
		{[]string{"--max-requests-per-source", "7", "--max-requests-per-prefix", "8"}, with(func(f *serveFlags) { f.maxRequestsPerSource, f.maxRequestsPerPrefix = 7, 8 })},
		{[]string{"--stall-timeout", "9s", "--max-session-time", "0"}, with(func(f *serveFlags) { f.stallTimeout, f.maxSessionTime = 9*time.Second, -1 })},
		{[]string{"--penalties", "off"}, with(func(f *serveFlags) { f.penalties = "off" })},
		{[]string{"--max-sessions-per-source", "7"}, with(func(f *serveFlags) { f.maxSessionsPerSource = 7 })},
		{[]string{"--sessions-per-worker", "100"}, with(func(f *serveFlags) { f.sessionsPerWorker = 100 })},
		{[]string{"--timeout", "1500ms"}, with(func(f *serveFlags) { f.timeout = 1500 * time.Millisecond })},
		{[]string{"--retries", "3"}, with(func(f *serveFlags) { f.retries = 3 })},
		{[]string{"--max-blksize", "1428"}, with(func(f *serveFlags) { f.maxBlksize = 1428 })},
		{[]string{"--max-windowsize", "8"}, with(func(f *serveFlags) { f.maxWindowsize = 8 })},
		{[]string{"--mtu-clamp", "off"}, with(func(f *serveFlags) { f.mtuClamp = "off" })},
		{[]string{"--log-format", "json"}, with(func(f *serveFlags) { f.logFormat = "json" })},
		{[]string{"--log-level", "debug"}, with(func(f *serveFlags) { f.logLevel = "debug" })},
		{[]string{"--stats-interval", "10s"}, with(func(f *serveFlags) { f.statsInterval = 10 * time.Second })},
	} {
		var stdout bytes.Buffer
		got, err := parseServe(append([]string{"--root", "/srv"}, tt.args...), &stdout)
		if err != nil || !reflect.DeepEqual(*got, tt.want) || stdout.Len() > 0 {
			t.Errorf("%q:\n got %+v, %v\nwant %+v", tt.args, got, err, tt.want)
		}
	}
}

// declared are the flags that serve takes. The set is not kept, but its errors
// and its answer to each name are.
func declared(t *testing.T, name string) bool {
	t.Helper()
	_, err := parseServe([]string{"--" + name}, new(bytes.Buffer))
	return err == nil || !strings.Contains(err.Error(), "not defined")
}

func TestHelpNamesEveryFlagAndNoOther(t *testing.T) {
	t.Parallel()
	var named []string
	for _, m := range regexp.MustCompile(`(?m)^  --([a-z-]+)`).FindAllStringSubmatch(serveUsage, -1) {
		named = append(named, m[1])
	}
	if len(named) == 0 || len(slices.Compact(slices.Sorted(slices.Values(named)))) != len(named) {
		t.Errorf("the help names %v, want each flag once", named)
	}
	for _, name := range named {
		if !declared(t, name) {
			t.Errorf("the help names --%s, which does not exist", name)
		}
	}
	// Every field of serveFlags is set by a flag, and each flag has a name in the help.
	all := reflect.TypeFor[serveFlags]()
	if all.NumField() != len(named) {
		t.Errorf("the help names %d flags, serveFlags has %d fields: %v", len(named), all.NumField(), named)
	}
	for i := range all.NumField() {
		var dashed strings.Builder
		for _, r := range all.Field(i).Name {
			if r >= 'A' && r <= 'Z' {
				dashed.WriteByte('-')
			}
			dashed.WriteString(strings.ToLower(string(r)))
		}
		if !slices.Contains(named, dashed.String()) {
			t.Errorf("the help does not name --%s", &dashed)
		}
	}
	for _, text := range []string{serveUsage, usage} {
		for line := range strings.Lines(text) {
			if strings.TrimRight(line, "\n") != strings.TrimRight(line, " \n") || strings.Contains(line, "\t") {
				t.Errorf("%q ends in a space or holds a tab", line)
			}
		}
	}
}

func TestHelpTellsTheDefaultsOfTheSupervisor(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"default :69", "2 per CPU", "4 times --min-idle", "default 1024", "default 1s", "default 5", "default 65464", "default 64", "default 1m"} {
		if !strings.Contains(serveUsage, want) {
			t.Errorf("the help does not say %q", want)
		}
	}
	for _, code := range []int{exitOK, exitError, exitUsage} {
		if !strings.Contains(serveUsage, fmt.Sprintf("\n  %d  ", code)) {
			t.Errorf("the help does not explain exit code %d", code)
		}
	}
}

func TestFlagsBecomeOptions(t *testing.T) {
	t.Parallel()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	f, err := parseServe([]string{
		"--root", "a/../b", "--follow", "/c/", "--follow", "d", "--listen", ":69", "--port-range", "50000-50999", "--user", "tftp",
		"--sandbox", "require", "--max-address-space", "3000", "--min-idle", "1", "--max-idle", "2", "--max-sessions", "3", "--max-sessions-per-source", "2", "--max-requests-per-source", "20", "--max-requests-per-prefix", "21", "--allow", "192.0.2.0/24", "--deny", "192.0.2.7", "--penalties", "off", "--stall-timeout", "50s", "--max-session-time", "1h", "--sessions-per-worker", "9", "--timeout", "4s", "--retries", "5",
		"--max-blksize", "600", "--max-windowsize", "7", "--max-burst", "5", "--mtu-clamp", "off", "--stats-interval", "8s",
	}, new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	log := hclog.NewNullLogger()
	got, err := f.options(log)
	if err != nil {
		t.Fatal(err)
	}
	if got.OnServerStats == nil || got.Logger != log {
		t.Errorf("no callback or another logger")
	}
	got.OnServerStats, got.Logger = nil, nil
	want := supervisor.Options{
		Listen: []string{":69"}, User: "tftp", PortRange: supervisor.PortRange{Low: 50000, High: 50999},
		Config:    []byte(dir + "/b\x00/c\x00" + dir + "/d"), // workers run in /
		ReadPaths: []string{dir + "/b", "/c", dir + "/d"}, RequireSandbox: true, MaxAddressSpace: 3000 << 20,
		MinIdle: 1, MaxIdle: 2, MaxSessions: 3, MaxSessionsPerSource: 2, MaxRequestsPerSource: 20, MaxRequestsPerPrefix: 21,
		Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Deny: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32")}, NoPenalties: true, StallTimeout: 50 * time.Second, MaxSessionTime: time.Hour, SessionsPerWorker: 9, Timeout: 4 * time.Second, Retries: 5, MaxBlksize: 600, MaxWindowsize: 7, MaxBurst: 5, NoMTUClamp: true, StatsInterval: 8 * time.Second,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func TestAPathWithNULIsRefused(t *testing.T) {
	t.Parallel()
	for _, f := range []serveFlags{{root: "a\x00b"}, {root: "a", follow: []string{"b", "c\x00d"}}} {
		if o, err := f.options(hclog.NewNullLogger()); err == nil || !strings.Contains(err.Error(), "NUL") {
			t.Errorf("%+v: configuration %q, %v, want it refused: NUL parts the paths", f, o.Config, err)
		}
	}
}

func TestConfigReachesTheHandler(t *testing.T) {
	t.Parallel()
	root, followed, other := t.TempDir(), t.TempDir(), t.TempDir()
	for dir, content := range map[string]string{root: "in the root", followed: "in the followed tree", other: "elsewhere"} {
		if err := os.WriteFile(filepath.Join(dir, "file"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, dir := range map[string]string{"followed": followed, "other": other} {
		if err := os.Symlink(filepath.Join(dir, "file"), filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		follow []string
		file   string
		want   string // "": refused
	}{
		{nil, "file", "in the root"},
		{nil, "followed", ""},
		{[]string{followed}, "file", "in the root"},
		{[]string{followed}, "followed", "in the followed tree"},
		{[]string{followed}, "other", ""},
		{[]string{followed, other}, "other", "elsewhere"},
	} {
		h, err := newHandler(encodeConfig(root, tt.follow))
		if err != nil {
			t.Fatal(err)
		}
		got := workertest.Get(t, h, tt.file)
		if string(got.Content) != tt.want || (got.Err == nil) != (tt.want != "") {
			t.Errorf("following %d trees, %s: got %q, %v, want %q", len(tt.follow), tt.file, got.Content, got.Err, tt.want)
		}
	}
	if _, err := newHandler(encodeConfig(filepath.Join(root, "none"), nil)); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a root that does not exist: %v, want an error that names it", err)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	got := version()
	want := regexp.MustCompile(`^brood \S+( [0-9a-f]{1,12})? go\S+.* ` + runtime.GOOS + "/" + runtime.GOARCH + "$")
	if !want.MatchString(got) || !strings.Contains(got, release) || !strings.Contains(got, runtime.Version()) {
		t.Errorf("version is %q, want it to match %v", got, want)
	}
}

func TestStatsLineTellsEveryCounter(t *testing.T) {
	t.Parallel()
	// Each number another one, so that none can stand for its neighbour.
	var s supervisor.ServerStats
	next := 1000
	var fill func(v reflect.Value) (n int)
	fill = func(v reflect.Value) (n int) {
		for i := range v.NumField() {
			switch f := v.Field(i); f.Kind() {
			case reflect.Uint64:
				f.SetUint(uint64(next))
			case reflect.Int:
				f.SetInt(int64(next))
			case reflect.Struct:
				if f.Type() != reflect.TypeFor[time.Time]() {
					n += fill(f)
				}
				continue
			case reflect.String:
				f.SetString(fmt.Sprint(next))
			default:
				t.Fatalf("%s is a %v", v.Type().Field(i).Name, f.Kind())
			}
			next++
			n++
		}
		return n
	}
	n := fill(reflect.ValueOf(&s).Elem())
	var log bytes.Buffer
	logStats(hclog.New(&hclog.LoggerOptions{Output: &log}), s)
	for v := next - n; v < next; v++ {
		if strings.Count(log.String(), fmt.Sprintf("=%d", v)) != 1 {
			t.Errorf("the counter that is %d is not told once: %s", v, &log)
		}
	}
}
