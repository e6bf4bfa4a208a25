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

	"brood/cmd/internal/config"
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

// loaded is what a command line comes to.
func loaded(t *testing.T, args ...string) (*config.Server, supervisor.Options) {
	t.Helper()
	src, err := parseArgs(args)
	if err != nil {
		t.Fatal(err)
	}
	s, o, err := src.load()
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

// Each flag reaches its option, and no other.
func TestFlagsBecomeOptions(t *testing.T) {
	t.Parallel()
	prefix := func(texts ...string) (all []netip.Prefix) {
		for _, text := range texts {
			all = append(all, netip.MustParsePrefix(text))
		}
		return all
	}
	for _, tt := range []struct {
		args []string
		want supervisor.Options
	}{
		{nil, supervisor.Options{}},
		{[]string{"--listen", ":69", "-listen", "[::1]:69"}, supervisor.Options{Listen: []string{":69", "[::1]:69"}}},
		{[]string{"--port-range", "50000-50999"}, supervisor.Options{PortRange: supervisor.PortRange{Low: 50000, High: 50999}}},
		{[]string{"--single-port"}, supervisor.Options{SinglePort: true}},
		{[]string{"--sandbox", "require"}, supervisor.Options{RequireSandbox: true}},
		{[]string{"--sandbox", "off"}, supervisor.Options{Sandbox: supervisor.SandboxOff}},
		{[]string{"--sandbox", "on"}, supervisor.Options{}},
		{[]string{"--max-address-space", "8192"}, supervisor.Options{MaxAddressSpace: 8 << 30}},
		{[]string{"--max-address-space", "0"}, supervisor.Options{MaxAddressSpace: -1 << 20}},
		{[]string{"--user", "tftp"}, supervisor.Options{User: "tftp"}},
		{[]string{"--min-idle", "0", "--retries", "0"}, supervisor.Options{MinIdle: -1, Retries: -1}},
		{[]string{"--min-idle", "1", "--retries", "3"}, supervisor.Options{MinIdle: 1, Retries: 3}},
		{[]string{"--max-idle", "9"}, supervisor.Options{MaxIdle: 9}},
		{[]string{"--max-sessions", "10"}, supervisor.Options{MaxSessions: 10}},
		{[]string{"--allow", "10.0.0.0/8", "--allow", "::1", "--deny", "10.1.0.0/16"}, supervisor.Options{Allow: prefix("10.0.0.0/8", "::1/128"), Deny: prefix("10.1.0.0/16")}},
		{[]string{"--max-requests-per-source", "7", "--max-requests-per-prefix", "8"}, supervisor.Options{MaxRequestsPerSource: 7, MaxRequestsPerPrefix: 8}},
		{[]string{"--stall-timeout", "9s", "--max-session-time", "0"}, supervisor.Options{StallTimeout: 9 * time.Second, MaxSessionTime: -1}},
		{[]string{"--penalties", "off"}, supervisor.Options{NoPenalties: true}},
		{[]string{"--penalties", "on", "--mtu-clamp", "on"}, supervisor.Options{}},
		{[]string{"--max-sessions-per-source", "7"}, supervisor.Options{MaxSessionsPerSource: 7}},
		{[]string{"--sessions-per-worker", "100"}, supervisor.Options{SessionsPerWorker: 100}},
		{[]string{"--timeout", "1500ms"}, supervisor.Options{Timeout: 1500 * time.Millisecond}},
		{[]string{"--max-blksize", "1428"}, supervisor.Options{MaxBlksize: 1428}},
		{[]string{"--max-windowsize", "8", "--max-burst", "5"}, supervisor.Options{MaxWindowsize: 8, MaxBurst: 5}},
		{[]string{"--mtu-clamp", "off"}, supervisor.Options{NoMTUClamp: true}},
		{[]string{"--admin", "/run/b.sock", "--admin-group", "ops"}, supervisor.Options{Admin: supervisor.Admin{Path: "/run/b.sock", Group: "ops", Program: version()}}},
		{[]string{"--stats-interval", "10s"}, supervisor.Options{StatsInterval: 10 * time.Second}},
	} {
		_, got := loaded(t, append([]string{"--root", "/srv"}, tt.args...)...)
		got.Config, got.Admin.Config = nil, nil
		tt.want.ReadPaths = []string{"/srv"}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q:\n got %+v\nwant %+v", tt.args, got, tt.want)
		}
	}
	s, _ := loaded(t, "--root", "/srv", "--log-format", "json", "--log-level", "debug")
	if s.LogFormat != "json" || s.LogLevel != "debug" {
		t.Errorf("the log is %+v", s)
	}
	dir, err := os.Getwd() // workers run in /
	if err != nil {
		t.Fatal(err)
	}
	if _, o := loaded(t, "--root", "a/../b", "--follow", "/c/", "--follow", "d"); !slices.Equal(o.ReadPaths, []string{dir + "/b", "/c", dir + "/d"}) {
		t.Errorf("workers read %q", o.ReadPaths)
	}
}

func TestHelpHasWholeLines(t *testing.T) {
	t.Parallel()
	for _, text := range []string{fmt.Sprintf(serveUsage, config.Help), usage} {
		for line := range strings.Lines(text) {
			if strings.TrimRight(line, "\n") != strings.TrimRight(line, " \n") || strings.Contains(line, "\t") || len(line) > 81 {
				t.Errorf("%q ends in a space, holds a tab or is too long", line)
			}
		}
	}
}

func TestHelpTellsTheDefaultsOfTheSupervisor(t *testing.T) {
	t.Parallel()
	help := strings.Join(strings.Fields(config.Help), " ")
	for _, want := range []string{"or :69", "2 per CPU", "4 times min-idle", "default 1024", "default 1s", "default 5", "default 65464", "default 64", "default 1m"} {
		if !strings.Contains(help, want) {
			t.Errorf("the help does not say %q", want)
		}
	}
	for _, code := range []int{exitOK, exitError, exitUsage} {
		if !strings.Contains(usageTail, fmt.Sprintf("\n  %d  ", code)) {
			t.Errorf("the help does not explain exit code %d", code)
		}
	}
}

func TestAPathWithNULIsRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--root", "a\x00b"}, {"--root", "a", "--follow", "c\x00d"}} {
		if _, err := parseArgs(args); err == nil || !strings.Contains(err.Error(), "want a directory's path") {
			t.Errorf("%q: %v, want it refused", args, err)
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
		args []string
		file string
		want string // "": refused
	}{
		{nil, "file", "in the root"},
		{nil, "followed", ""},
		{[]string{"--follow", followed}, "file", "in the root"},
		{[]string{"--follow", followed}, "followed", "in the followed tree"},
		{[]string{"--follow", followed}, "other", ""},
		{[]string{"--follow", followed, "--follow", other}, "other", "elsewhere"},
	} {
		_, o := loaded(t, append([]string{"--root", root}, tt.args...)...)
		h, err := config.NewHandler(config.Program{})(o.Config)
		if err != nil {
			t.Fatal(err)
		}
		got := workertest.Get(t, h, tt.file)
		if string(got.Content) != tt.want || (got.Err == nil) != (tt.want != "") {
			t.Errorf("%q, %s: got %q, %v, want %q", tt.args, tt.file, got.Content, got.Err, tt.want)
		}
	}
	_, o := loaded(t, "--root", filepath.Join(root, "none"))
	if _, err := config.NewHandler(config.Program{})(o.Config); err == nil || !strings.Contains(err.Error(), "none") {
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
