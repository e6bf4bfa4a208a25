package protocol

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// opts reads "name=value name=value".
func opts(s string) []Option {
	var options []Option
	for _, f := range strings.Fields(s) {
		name, value, _ := strings.Cut(f, "=")
		options = append(options, Option{name, value})
	}
	return options
}

var base = Terms{Blksize: 512, Windowsize: 1, Timeout: time.Second}

var negotiations = []struct {
	name   string
	asked  string
	mode   Mode
	size   int64
	limits Limits
	acked  string
	terms  func(*Terms)
}{
	{"nothing asked, nothing acked", "", Octet, 10, Limits{}, "", nil},
	{"the server's timeout without negotiation", "", Octet, 10, Limits{Timeout: 3 * time.Second}, "", func(t *Terms) { t.Timeout = 3 * time.Second }},
	{"unknown options are ignored", "frobnicate=1 blksize=1024 x=", Octet, 10, Limits{}, "blksize=1024", func(t *Terms) { t.Blksize = 1024 }},
	{"names of our settings are unknown options", "retries=99 root=/ max-blksize=9 MaxBlksize=9 min-idle=1 user=root", Octet, 10, Limits{}, "", nil},
	{"names without case, answered as spelled", "BlkSize=1024 TSIZE=0", Octet, 10, Limits{}, "BlkSize=1024 TSIZE=10", func(t *Terms) { t.Blksize = 1024 }},
	{
		"the order asked", "tsize=0 windowsize=4 timeout=2 blksize=16", Octet, 10,
		Limits{},
		"tsize=10 windowsize=4 timeout=2 blksize=16",
		func(t *Terms) { *t = Terms{16, 4, 2 * time.Second, true, 0} },
	},

	{"blksize 8 is the smallest", "blksize=8", Octet, 10, Limits{}, "blksize=8", func(t *Terms) { t.Blksize = 8 }},
	{"blksize 7 is not acked", "blksize=7", Octet, 10, Limits{}, "", nil},
	{"blksize 65464 is the largest", "blksize=65464", Octet, 10, Limits{}, "blksize=65464", func(t *Terms) { t.Blksize = 65464 }},
	{"blksize 65465 is clamped", "blksize=65465", Octet, 10, Limits{}, "blksize=65464", func(t *Terms) { t.Blksize = 65464 }},
	{"blksize is clamped to the server's limit", "blksize=9000", Octet, 10, Limits{MaxBlksize: 1428}, "blksize=1428", func(t *Terms) { t.Blksize = 1428 }},
	{"blksize 0 is not acked", "blksize=0", Octet, 10, Limits{}, "", nil},
	{"blksize with leading zeros", "blksize=0001024", Octet, 10, Limits{}, "blksize=1024", func(t *Terms) { t.Blksize = 1024 }},
	{"blksize beyond 64 bits is not acked", "blksize=18446744073709552128", Octet, 10, Limits{}, "", nil},
	{"blksize with a sign is not acked", "blksize=+512", Octet, 10, Limits{}, "", nil},
	{"blksize with junk is not acked", "blksize=512k", Octet, 10, Limits{}, "", nil},
	{"blksize 512 asked is acked", "blksize=512", Octet, 10, Limits{}, "blksize=512", nil},

	{"blksize2 is rounded down", "blksize2=1500", Octet, 10, Limits{}, "blksize2=1024", func(t *Terms) { t.Blksize = 1024 }},
	{"blksize2 of a power stands", "blksize2=4096", Octet, 10, Limits{}, "blksize2=4096", func(t *Terms) { t.Blksize = 4096 }},
	{"blksize2 is clamped, then rounded", "blksize2=70000", Octet, 10, Limits{}, "blksize2=32768", func(t *Terms) { t.Blksize = 32768 }},
	{"blksize2 8 is the smallest", "blksize2=15", Octet, 10, Limits{}, "blksize2=8", func(t *Terms) { t.Blksize = 8 }},
	{"of both the first", "blksize2=1500 blksize=1500", Octet, 10, Limits{}, "blksize2=1024", func(t *Terms) { t.Blksize = 1024 }},
	{"of both the first valid", "blksize2=x blksize=1500", Octet, 10, Limits{}, "blksize=1500", func(t *Terms) { t.Blksize = 1500 }},

	{"tsize is answered with the size", "tsize=0", Octet, 5_000_000_000, Limits{}, "tsize=5000000000", nil},
	{"tsize of an empty file is not acked", "tsize=0", Octet, 0, Limits{}, "", nil},
	{"tsize may ask any number", "tsize=12345", Octet, 10, Limits{}, "tsize=10", nil},
	{"tsize must ask a number", "tsize=", Octet, 10, Limits{}, "", nil},
	{"tsize of unknown size is not acked", "tsize=0", Octet, -1, Limits{}, "", nil},
	{"tsize in netascii is not acked", "tsize=0", Netascii, 10, Limits{}, "", nil},
	{"the rest is acked without tsize", "tsize=0 blksize=8", Netascii, 10, Limits{}, "blksize=8", func(t *Terms) { t.Blksize = 8 }},

	{"timeout 1", "timeout=1", Octet, 10, Limits{Timeout: 9 * time.Second}, "timeout=1", func(t *Terms) { t.TimeoutAsked = true }},
	{"timeout 255", "timeout=255", Octet, 10, Limits{}, "timeout=255", func(t *Terms) { t.Timeout, t.TimeoutAsked = 255*time.Second, true }},
	{"timeout 0 is not acked", "timeout=0", Octet, 10, Limits{}, "", nil},
	{"timeout 256 is not acked", "timeout=256", Octet, 10, Limits{}, "", nil},
	{"utimeout 10000", "utimeout=10000", Octet, 10, Limits{}, "utimeout=10000", func(t *Terms) { t.Timeout, t.TimeoutAsked = 10*time.Millisecond, true }},
	{"utimeout 255000000", "utimeout=255000000", Octet, 10, Limits{}, "utimeout=255000000", func(t *Terms) { t.Timeout, t.TimeoutAsked = 255*time.Second, true }},
	{"utimeout 9999 is not acked", "utimeout=9999", Octet, 10, Limits{}, "", nil},
	{"utimeout 255000001 is not acked", "utimeout=255000001", Octet, 10, Limits{}, "", nil},
	{"of both timeouts the first valid", "utimeout=1 timeout=3 utimeout=20000", Octet, 10, Limits{}, "timeout=3", func(t *Terms) { t.Timeout, t.TimeoutAsked = 3*time.Second, true }},

	{"windowsize 1 is acked", "windowsize=1", Octet, 10, Limits{}, "windowsize=1", nil},
	{"windowsize 65535", "windowsize=65535", Octet, 10, Limits{}, "windowsize=65535", func(t *Terms) { t.Windowsize = 65535 }},
	{"windowsize 0 is not acked", "windowsize=0", Octet, 10, Limits{}, "", nil},
	{"windowsize 65536 is not acked", "windowsize=65536", Octet, 10, Limits{}, "", nil},
	{"windowsize with leading zeros", "windowsize=008", Octet, 10, Limits{}, "windowsize=8", func(t *Terms) { t.Windowsize = 8 }},
	{"windowsize is clamped to the server's limit", "windowsize=64", Octet, 10, Limits{MaxWindowsize: 16}, "windowsize=16", func(t *Terms) { t.Windowsize = 16 }},
	{
		"windowsize is clamped by bytes, blksize after it", "windowsize=64 blksize=1020", Octet, 10,
		Limits{MaxWindowBytes: 10240},
		"windowsize=10 blksize=1020",
		func(t *Terms) { t.Blksize, t.Windowsize = 1020, 10 },
	},
	{
		"windowsize is clamped by bytes, blksize before it", "blksize=1020 windowsize=64", Octet, 10,
		Limits{MaxWindowBytes: 10240},
		"blksize=1020 windowsize=10",
		func(t *Terms) { t.Blksize, t.Windowsize = 1020, 10 },
	},
	{"windowsize by bytes at the default blksize", "windowsize=64", Octet, 10, Limits{MaxWindowBytes: 5160}, "windowsize=10", func(t *Terms) { t.Windowsize = 10 }},
	{
		"windowsize is never clamped to nothing", "windowsize=64 blksize=65464", Octet, 10,
		Limits{MaxWindowBytes: 100},
		"windowsize=1 blksize=65464",
		func(t *Terms) { t.Blksize = 65464 },
	},

	{"rollover 0", "rollover=0", Octet, 10, Limits{}, "rollover=0", nil},
	{"rollover 1", "rollover=1", Octet, 10, Limits{}, "rollover=1", func(t *Terms) { t.Rollover = 1 }},
	{"rollover 2 is not acked", "rollover=2", Octet, 10, Limits{}, "", nil},
	{
		"rollover 1 has one number less for a window", "windowsize=65535 rollover=1", Octet, 10,
		Limits{},
		"windowsize=65534 rollover=1",
		func(t *Terms) { t.Windowsize, t.Rollover = 65534, 1 },
	},
	{"the server's rollover without negotiation", "blksize=8", Octet, 10, Limits{Rollover: 1}, "blksize=8", func(t *Terms) { t.Blksize, t.Rollover = 8, 1 }},
	{"the client's rollover before the server's", "rollover=0", Octet, 10, Limits{Rollover: 1}, "rollover=0", nil},
	{"a rollover there is not is 1", "", Octet, 10, Limits{Rollover: 7}, "", func(t *Terms) { t.Rollover = 1 }},
	{
		"the server's rollover has one number less for a window, too", "windowsize=65535", Octet, 10,
		Limits{Rollover: 1},
		"windowsize=65534",
		func(t *Terms) { t.Windowsize, t.Rollover = 65534, 1 },
	},
	{"rollover 0 has all numbers for a window", "windowsize=65535 rollover=0", Octet, 10, Limits{}, "windowsize=65535 rollover=0", func(t *Terms) { t.Windowsize = 65535 }},
}

func TestNegotiate(t *testing.T) {
	for _, tt := range negotiations {
		t.Run(tt.name, func(t *testing.T) {
			want := base
			if tt.terms != nil {
				tt.terms(&want)
			}
			terms, acked := Negotiate(opts(tt.asked), tt.mode, tt.size, tt.limits)
			if terms != want {
				t.Errorf("%q gave %+v, want %+v", tt.asked, terms, want)
			}
			if !reflect.DeepEqual(acked, opts(tt.acked)) {
				t.Errorf("%q was acked with %v, want %q", tt.asked, acked, tt.acked)
			}
		})
	}
}

func FuzzNegotiate(f *testing.F) {
	for _, tt := range negotiations {
		wire := Request{OpRRQ, "f", tt.mode, opts(tt.asked)}.Append(nil)
		f.Add(wire, tt.size, tt.limits.MaxBlksize, tt.limits.MaxWindowsize, tt.limits.MaxWindowBytes)
	}
	f.Fuzz(func(t *testing.T, b []byte, size int64, blksize, window, bytes int) {
		r, err := ParseRequest(b)
		if err != nil {
			return // not what this is about
		}
		limits := Limits{MaxBlksize: blksize, MaxWindowsize: window, MaxWindowBytes: bytes, Timeout: 2 * time.Second}
		terms, acked := Negotiate(r.Options, r.Mode, size, limits)

		if terms.Blksize < MinBlksize || terms.Blksize > MaxBlksize || terms.Windowsize < 1 || terms.Windowsize > MaxWindowsize ||
			terms.Timeout < 10*time.Millisecond || terms.Timeout > 255*time.Second || terms.Rollover > 1 {
			t.Fatalf("%q: terms out of range: %+v", b, terms)
		}
		if w := terms.Windowsize; w > 1 && bytes > 0 && w > bytes/(terms.Blksize+DataHeaderLen) {
			t.Fatalf("%q: a window of %d blocks of %d bytes is more than %d bytes", b, w, terms.Blksize, bytes)
		}
		// The acked options are some of those asked, in their order.
		rest := r.Options
		for _, a := range acked {
			for len(rest) > 0 && rest[0].Name != a.Name {
				rest = rest[1:]
			}
			if len(rest) == 0 {
				t.Fatalf("%q: acked %v", b, acked)
			}
			asked, _ := parseNumber(rest[0].Value)
			if got, ok := parseNumber(a.Value); !ok || got > asked && Lower(a.Name) != optTsize {
				t.Fatalf("%q: asked %v, acked %v", b, rest[0], a)
			}
			rest = rest[1:]
		}
		// What we ack, our own client accepts and understands alike.
		got, tsize, refusal := accept(r.Options, acked, 2*time.Second)
		if refusal != nil || got != terms {
			t.Fatalf("%q: acked %v for %+v, the client reads %+v (%v)", b, acked, terms, got, refusal)
		}
		if tsize >= 0 && (tsize != size || r.Mode != Octet) {
			t.Fatalf("%q: size %d told as %d in %v", b, size, tsize, r.Mode)
		}
	})
}
