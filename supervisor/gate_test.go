package supervisor

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"brood/protocol"
)

func prefixes(t *testing.T, texts ...string) (ps []netip.Prefix) {
	t.Helper()
	for _, text := range texts {
		p, err := ParsePrefix(text)
		if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
	return ps
}

func TestTheLongestPrefixDecides(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		allow, deny []string
		allowed     []string
		denied      []string
	}{
		{nil, nil, []string{"192.0.2.1", "2001:db8::1"}, nil},
		{nil, []string{"192.0.2.0/24"}, []string{"192.0.3.1", "2001:db8::1"}, []string{"192.0.2.1", "192.0.2.255"}},
		{[]string{"192.0.2.0/24"}, nil, []string{"192.0.2.1"}, []string{"192.0.3.1", "2001:db8::1"}},
		{[]string{"192.0.2.7"}, []string{"192.0.2.0/24"}, []string{"192.0.2.7"}, []string{"192.0.2.8", "10.0.0.1"}},
		{[]string{"192.0.2.0/24"}, []string{"192.0.2.7", "0.0.0.0/0"}, []string{"192.0.2.8"}, []string{"192.0.2.7", "10.0.0.1", "2001:db8::1"}},
		{[]string{"::/0"}, []string{"fe80::/10"}, []string{"2001:db8::1"}, []string{"fe80::1", "fe80::1%1", "192.0.2.1"}},
	} {
		a := newAccess(prefixes(t, tt.allow...), prefixes(t, tt.deny...))
		for _, list := range []struct {
			sources []string
			want    bool
		}{{tt.allowed, true}, {tt.denied, false}} {
			for _, source := range list.sources {
				if got := a.allows(netip.MustParseAddr(source)); got != list.want {
					t.Errorf("allow %v, deny %v: %s is allowed: %v, want %v", tt.allow, tt.deny, source, got, list.want)
				}
			}
		}
	}
}

func TestParsePrefix(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.0/24": "192.0.2.0/24", "192.0.2.7": "192.0.2.7/32", "2001:db8::/32": "2001:db8::/32", "::1": "::1/128", "::ffff:192.0.2.7": "192.0.2.7/32",
		"192.0.2.7/24": "", "192.0.2.0/33": "", "example.org": "", "": "", "fe80::1%eth0": "",
	} {
		p, err := ParsePrefix(text)
		if want == "" != (err != nil) || err == nil && p.String() != want {
			t.Errorf("%q is %v, %v; want %q", text, p, err, want)
		}
	}
}

func TestWhoIsDeniedGetsAnErrorAndNoSession(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{Deny: prefixes(t, "127.0.0.0/8")})
	l := mustListen(t, "127.0.0.1:0")
	client := peerSocket(t, "127.0.0.1:0")
	f.arrive(f.now, l, arrival{peer: addrOf(client.LocalAddr()), local: l.addr.Addr(), data: rrq("x")})
	var buf [512]byte
	n, _, err := client.ReadFromUDPAddrPort(buf[:])
	if err != nil {
		t.Fatal(err)
	}
	if e, err := protocol.ParseError(buf[:n]); err != nil || e.Code != protocol.CodeAccessViolation {
		t.Errorf("who is denied got %q, want ERROR 2", buf[:n])
	}
	if c := f.counters; c.Refused.Denied != 1 || f.queue.len() != 0 {
		t.Errorf("%+v with %d waiting, want 1 denied", c, f.queue.len())
	}
}

func TestRequestsBeyondTheRateAreDropped(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		options Options
		source  func(i int) string
		taken   uint64 // of 100 at once
		later   uint64 // of 100 a second later
	}{
		{"one address", Options{MaxRequestsPerSource: 2}, func(int) string { return "192.0.2.1" }, 20, 2},
		{"one network", Options{MaxRequestsPerPrefix: 3}, func(i int) string { return fmt.Sprintf("192.0.2.%d", i) }, 30, 3},
		{"many networks", Options{MaxRequestsPerPrefix: 3}, func(i int) string { return fmt.Sprintf("10.0.%d.1", i) }, 100, 100},
		{"one IPv6 network", Options{MaxRequestsPerPrefix: 3}, func(i int) string { return fmt.Sprintf("2001:db8::%x", i) }, 30, 3},
		{"one neighbour of many", Options{MaxRequestsPerSource: 2, MaxRequestsPerPrefix: 3}, func(i int) string { return fmt.Sprintf("192.0.2.%d", i/50) }, 30, 3},
		{"no bound", Options{}, func(int) string { return "192.0.2.1" }, 100, 100},
	} {
		f := newFake(t, tt.options)
		port := uint16(1000)
		storm := func() uint64 {
			before := f.counters.Refused.TooOften
			for i := range 100 {
				port++ // each request is new
				f.arrive(f.now, nil, arrival{peer: netip.AddrPortFrom(netip.MustParseAddr(tt.source(i)), port), local: netip.MustParseAddr("192.0.2.200"), data: rrq("x")})
			}
			return 100 - (f.counters.Refused.TooOften - before)
		}
		at := storm()
		f.now = f.now.Add(time.Second)
		if later := storm(); at != tt.taken || later != tt.later || uint64(f.queue.len()) != at+later {
			t.Errorf("%s: of 100 requests %d were taken, and %d of 100 a second later; %d wait; want %d and %d", tt.name, at, later, f.queue.len(), tt.taken, tt.later)
		}
	}
}

// A request that is repeated while it waits is no further one.
func TestRepetitionsDoNotCountAsRequests(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MaxRequestsPerSource: 1})
	for range 50 {
		f.arrive(f.now, nil, from(3000, rrq("x")))
	}
	if c := f.counters; c.Duplicates != 49 || c.Refused.TooOften != 0 {
		t.Errorf("%+v, want 49 duplicates and nobody who asks too often", c)
	}
}

// Whoever asks too often gets no ERROR either: its address may be forged.
func TestRefusalsAreBoundedByTheRate(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{MaxRequestsPerSource: 1})
	l := mustListen(t, "127.0.0.1:0")
	wrq := protocol.Request{Op: protocol.OpWRQ, File: "x"}.Append(nil)
	for i := range 30 {
		f.arrive(f.now, l, from(3000, [][]byte{wrq, rrq("x")[:5], wrq[:4]}[i%3]))
	}
	if r := f.counters.Refused; r.Write+r.Malformed != burstSeconds || r.TooOften != 30-burstSeconds {
		t.Errorf("%+v, want %d refusals with an answer", r, burstSeconds)
	}
}

func TestAFloodOfSourcesLeavesNoMemoryBehind(t *testing.T) {
	t.Parallel()
	g := newGate(&settings{Options: Options{MaxRequestsPerSource: 1, MaxRequestsPerPrefix: 1}})
	now := time.Now()
	for i := range uint32(2 * maxSources) {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], i<<8|1)
		if !g.often(now, netip.AddrFrom4(a)) {
			t.Fatalf("source %d was refused at its first request", i)
		}
	}
	if g.addresses.buckets.len() != maxSources || g.prefixes.buckets.len() != maxSources {
		t.Errorf("%d addresses and %d prefixes are known, want %d each", g.addresses.buckets.len(), g.prefixes.buckets.len(), maxSources)
	}
	for range 2 * burstSeconds {
		now = now.Add(time.Second)
		g.expire(now)
	}
	if g.addresses.buckets.len() != 0 || g.prefixes.buckets.len() != 0 {
		t.Errorf("%d addresses and %d prefixes are known when all were silent for long", g.addresses.buckets.len(), g.prefixes.buckets.len())
	}
}
