package supervisor

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func addrPorts(texts ...string) []netip.AddrPort {
	var all []netip.AddrPort
	for _, text := range texts {
		all = append(all, netip.MustParseAddrPort(text))
	}
	return all
}

// limits are the numbers of Options that a test compares.
type limits struct {
	MinIdle, MaxIdle, MaxSessions, MaxWaiting int
	SessionsPerWorker                         int
	Timeout                                   time.Duration
	Retries, MaxBlksize, MaxWindowsize        int
	DrainTimeout, StatsInterval               time.Duration
}

func limitsOf(o Options) limits {
	return limits{
		o.MinIdle, o.MaxIdle, o.MaxSessions, o.MaxWaiting, o.SessionsPerWorker,
		o.Timeout, o.Retries, o.MaxBlksize, o.MaxWindowsize, o.DrainTimeout, o.StatsInterval,
	}
}

func TestOptionsSettle(t *testing.T) {
	t.Parallel()
	def := limits{
		2 * cpus(), 8 * cpus(), 1024, 16384, 1,
		time.Second, 5, 65464, 64, 30 * time.Second, time.Minute,
	}
	changed := func(change func(*limits)) limits {
		l := def
		change(&l)
		return l
	}
	for _, tt := range []struct {
		name string
		in   Options
		want limits
	}{
		{"zero means the defaults", Options{}, def},
		{
			"negative means none where none makes sense",
			Options{MinIdle: -1, MaxIdle: -1, Retries: -1, DrainTimeout: -1},
			changed(func(l *limits) { l.MinIdle, l.MaxIdle, l.Retries, l.DrainTimeout = 0, 0, 0, 0 }),
		},
		{
			"no waiting requests",
			Options{MaxWaiting: -1},
			changed(func(l *limits) { l.MaxWaiting = 0 }),
		},
		{
			"MaxIdle follows MinIdle",
			Options{MinIdle: 3},
			changed(func(l *limits) { l.MinIdle, l.MaxIdle = 3, 12 }),
		},
		{
			"a ceiling below the default floor",
			Options{MaxIdle: 1},
			changed(func(l *limits) { l.MinIdle, l.MaxIdle = 1, 1 }),
		},
		{
			"MaxIdle without a floor",
			Options{MinIdle: -1, MaxIdle: 9},
			changed(func(l *limits) { l.MinIdle, l.MaxIdle = 0, 9 }),
		},
		{
			"the least of everything",
			Options{MaxSessions: 1, Timeout: 10 * time.Millisecond, Retries: 1, MaxBlksize: 8, MaxWindowsize: 1},
			changed(func(l *limits) {
				l.MaxSessions, l.Timeout, l.Retries, l.MaxBlksize, l.MaxWindowsize = 1, 10*time.Millisecond, 1, 8, 1
			}),
		},
		{
			"the most of everything",
			Options{Timeout: 255 * time.Second, MaxBlksize: 65464, MaxWindowsize: 65535, SessionsPerWorker: 10_000},
			changed(func(l *limits) { l.Timeout, l.MaxWindowsize, l.SessionsPerWorker = 255*time.Second, 65535, 10_000 }),
		},
	} {
		s, err := tt.in.settle()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := limitsOf(s.Options); got != tt.want {
			t.Errorf("%s:\n got %+v\nwant %+v", tt.name, got, tt.want)
		}
		if s.Logger == nil {
			t.Errorf("%s: no logger", tt.name)
		}
	}
}

func TestOptionsListenDefault(t *testing.T) {
	t.Parallel()
	s, err := Options{}.settle()
	if want := addrPorts("0.0.0.0:69", "[::]:69"); err != nil || !slices.Equal(s.listen, want) {
		t.Errorf("the zero Options listen on %v (%v), want %v", s.listen, err, want)
	}
}

func TestOptionsAreNotChangedBySettling(t *testing.T) {
	t.Parallel()
	o := Options{MinIdle: -1}
	if _, err := o.settle(); err != nil {
		t.Fatal(err)
	}
	if o.MinIdle != -1 || o.Listen != nil || o.Logger != nil {
		t.Errorf("settle changed its receiver to %+v", o)
	}
}

func TestOptionsFaults(t *testing.T) {
	t.Parallel()
	faults := []struct {
		name string
		set  func(*Options)
		want string
	}{
		{"a port that is none", func(o *Options) { o.Listen = append(o.Listen, ":tftp") }, `":tftp"`},
		{"a host name", func(o *Options) { o.Listen = append(o.Listen, "localhost:69") }, `"localhost:69"`},
		{"a range from port 0", func(o *Options) { o.PortRange = PortRange{0, 9} }, "PortRange 0-9"},
		{"a range without sessions", func(o *Options) { o.MaxSessions = -1 }, "MaxSessions -1"},
		{"a timeout below 10 ms", func(o *Options) { o.Timeout = time.Millisecond }, "Timeout 1ms"},
		{"a block below RFC 2348's", func(o *Options) { o.MaxBlksize = 7 }, "MaxBlksize 7"},
		{"a window above RFC 7440's", func(o *Options) { o.MaxWindowsize = 65536 }, "MaxWindowsize 65536"},
	}
	for _, tt := range append(faults, []struct {
		name string
		set  func(*Options)
		want string
	}{
		{"a range and a single port", func(o *Options) { o.PortRange, o.SinglePort = PortRange{7, 8}, true }, "PortRange 7-8 and SinglePort"},
		{"a range that goes down", func(o *Options) { o.PortRange = PortRange{9, 8} }, "PortRange 9-8"},
		{"sessions of a worker below 1", func(o *Options) { o.SessionsPerWorker = -1 }, "SessionsPerWorker -1"},
		{"sessions of a worker above 10000", func(o *Options) { o.SessionsPerWorker = 10_001 }, "SessionsPerWorker 10001"},
		{"a negative timeout", func(o *Options) { o.Timeout = -time.Second }, "Timeout -1s"},
		{"a timeout above RFC 2349's", func(o *Options) { o.Timeout = 256 * time.Second }, "Timeout 4m16s"},
		{"a negative block", func(o *Options) { o.MaxBlksize = -1 }, "MaxBlksize -1"},
		{"a block above RFC 2348's", func(o *Options) { o.MaxBlksize = 65465 }, "MaxBlksize 65465"},
		{"a stall timeout below a report's", func(o *Options) { o.StallTimeout = time.Second }, "StallTimeout 1s: want at least 2s"},
		{"a negative rate of requests", func(o *Options) { o.MaxRequestsPerSource = -1 }, "MaxRequestsPerSource -1: want at least 1, or 0 for no bound"},
		{"a network's negative rate", func(o *Options) { o.MaxRequestsPerPrefix = -1 }, "MaxRequestsPerPrefix -1: want at least 1, or 0 for no bound"},
		{"a prefix that is none", func(o *Options) { o.Deny = []netip.Prefix{{}} }, "Deny invalid Prefix: want a prefix such as"},
		{"a prefix allowed and denied", func(o *Options) { o.Allow = prefixes(t, "10.0.0.0/8"); o.Deny = o.Allow }, "10.0.0.0/8 is both in Allow and in Deny: which?"},
		{"a ceiling below the floor", func(o *Options) { o.MinIdle, o.MaxIdle = 7, 2 }, "MaxIdle 2: want at least MinIdle, 7"},
		{"more retries than anybody waits for", func(o *Options) { o.Retries = 101 }, "Retries 101"},
		{"a negative burst", func(o *Options) { o.MaxBurst = -1 }, "MaxBurst -1"},
		{"a negative window", func(o *Options) { o.MaxWindowsize = -1 }, "MaxWindowsize -1"},
	}...) {
		var o Options
		tt.set(&o)
		if _, err := o.settle(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error that says %q", tt.name, err, tt.want)
		}
	}

	var all Options
	for _, tt := range faults {
		tt.set(&all)
	}
	_, err := all.settle()
	for _, tt := range faults {
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("with every fault at once: got %v, want also %q", err, tt.want)
		}
	}
}

func TestParseListen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		want []netip.AddrPort
	}{
		{":69", addrPorts("0.0.0.0:69", "[::]:69")},
		{":0", addrPorts("0.0.0.0:0", "[::]:0")},
		{"192.0.2.1:69", addrPorts("192.0.2.1:69")},
		{"0.0.0.0:6969", addrPorts("0.0.0.0:6969")},
		{"[2001:db8::1]:69", addrPorts("[2001:db8::1]:69")},
		{"[::]:65535", addrPorts("[::]:65535")},
		{"[::ffff:192.0.2.1]:69", addrPorts("192.0.2.1:69")}, // the same address, the same socket
	} {
		got, err := parseListen(tt.in)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("parseListen(%q) = %v, %v, want %v", tt.in, got, err, tt.want)
		}
	}
	for _, in := range []string{
		"", ":", "69", "192.0.2.1", "192.0.2.1:", ":65536", ":-1", ": 69", ":tftp",
		"localhost:69", "2001:db8::1:69", "[2001:db8::1]", "[192.0.2.1]:69", "192.0.2.1:69 ", "udp://192.0.2.1:69",
	} {
		got, err := parseListen(in)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", in)) {
			t.Errorf("parseListen(%q) = %v, %v, want an error that quotes it", in, got, err)
		}
	}
}

var portRanges = []struct {
	in   string
	want PortRange
}{
	{"1-65535", PortRange{1, 65535}},
	{"50000-50999", PortRange{50000, 50999}},
	{"7000-7000", PortRange{7000, 7000}},
}

var badPortRanges = []string{
	"", "-", "69", "1-", "-9", "0-9", "9-8", "1-65536", "65536-65537", "1--2", "1-2-3", " 1-2", "1 - 2", "+1-2", "0x1-0x2", "a-b",
}

func TestParsePortRange(t *testing.T) {
	t.Parallel()
	for _, tt := range portRanges {
		if got, err := ParsePortRange(tt.in); err != nil || got != tt.want {
			t.Errorf("ParsePortRange(%q) = %v, %v, want %v", tt.in, got, err, tt.want)
		}
	}
	for _, in := range badPortRanges {
		if got, err := ParsePortRange(in); err == nil || got != (PortRange{}) || !strings.Contains(err.Error(), fmt.Sprintf("%q", in)) {
			t.Errorf("ParsePortRange(%q) = %v, %v, want an error that quotes it", in, got, err)
		}
	}
}

// FuzzParsePortRange: what is accepted is a range, and says so when it is
// written out again.
func FuzzParsePortRange(f *testing.F) {
	for _, tt := range portRanges {
		f.Add(tt.in)
	}
	for _, in := range badPortRanges {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		r, err := ParsePortRange(in)
		if err != nil {
			return
		}
		again, err := ParsePortRange(fmt.Sprintf("%d-%d", r.Low, r.High))
		if r.Low == 0 || r.Low > r.High || err != nil || again != r {
			t.Fatalf("%q parsed to %v, and that to %v (%v)", in, r, again, err)
		}
		if _, err := (Options{PortRange: r}).settle(); err != nil {
			t.Fatalf("%q parsed to %v, which Options refuse: %v", in, r, err)
		}
	})
}

// options_test.go
func TestOptionsThatWouldServeNobodyOrSpin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{StatsInterval: -1}, "StatsInterval -1ns"},
		{Options{StatsInterval: 1}, "StatsInterval 1ns"},
		{Options{MinIdle: -1, MaxWaiting: -1}, "MaxWaiting -1"},
	} {
		if _, err := tt.o.settle(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v, want an error that says %q", tt.o, err, tt.want)
		}
	}
}
