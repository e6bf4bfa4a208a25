package route_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"brood/protocol"
	"brood/worker"
	"brood/worker/route"
)

// stubs are handlers to decide for: none is asked for anything.
var stubs = map[string]worker.Handler{
	route.Default: worker.HandlerFunc(nil), "a": worker.HandlerFunc(nil), "b": worker.HandlerFunc(nil),
}

// mustOpen compiles rules and opens their table with a stub for each handler.
func mustOpen(t testing.TB, rules ...route.Rule) *route.Handler {
	t.Helper()
	return mustOpenWith(t, stubs, rules...)
}

func mustOpenWith(t testing.TB, handlers map[string]worker.Handler, rules ...route.Rule) *route.Handler {
	t.Helper()
	table, err := route.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	h, err := route.Open(table, handlers)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// from is a request of 192.0.2.169 to 192.0.2.1.
func from(file string) *worker.Request {
	return &worker.Request{
		File: file, Peer: netip.MustParseAddrPort("192.0.2.169:2000"), Local: netip.MustParseAddrPort("192.0.2.1:4000"),
	}
}

func with(r *worker.Request, change func(*worker.Request)) *worker.Request {
	change(r)
	return r
}

func peer(addr string) func(*worker.Request) {
	return func(r *worker.Request) { r.Peer = netip.AddrPortFrom(netip.MustParseAddr(addr), 2000) }
}

func neighbour(mac string) func(*worker.Request) { return func(r *worker.Request) { r.MAC = mac } }

func asks(name, value string) func(*worker.Request) {
	return func(r *worker.Request) { r.Options = append(r.Options, protocol.Option{Name: name, Value: value}) }
}

// TestWhichRuleApplies has rules of one condition; "" is the rule that applies.
func TestWhichRuleApplies(t *testing.T) {
	t.Parallel()
	file := func(globs ...string) route.Rule { return route.Rule{Match: route.Match{File: globs}} }
	regexp := func(res ...string) route.Rule { return route.Rule{Match: route.Match{Regexp: res}} }
	client := func(prefixes ...string) route.Rule { return route.Rule{Match: route.Match{Client: prefixes}} }
	local := func(prefixes ...string) route.Rule { return route.Rule{Match: route.Match{Local: prefixes}} }
	mac := func(macs ...string) route.Rule { return route.Rule{Match: route.Match{MAC: macs}} }
	option := func(options ...string) route.Rule { return route.Rule{Match: route.Match{Option: options}} }
	blind := func(r route.Rule) route.Rule { r.IgnoreCase = true; return r }
	not := func(r route.Rule) route.Rule { r.Match, r.Not = route.Match{}, r.Match; return r }
	both := func(a, b route.Rule) route.Rule { a.Not = b.Not; return a }
	const macPath = "pxelinux.cfg/01-52-54-00-12-34-56"
	for _, tt := range []struct {
		name string
		rule route.Rule
		req  *worker.Request
		want bool
	}{
		{"without conditions it applies", route.Rule{}, from("f"), true},
		{"a name is the whole name", file("pxelinux.0"), from("pxelinux.0"), true},
		{"a name is not a part", file("pxelinux.0"), from("/pxelinux.0"), false},
		{"a name is not a beginning", file("pxelinux"), from("pxelinux.0"), false},
		{"case counts", file("pxelinux.0"), from("PXELINUX.0"), false},
		{"case is ignored where a rule says so", blind(file("pxeLINUX.0")), from("PXElinux.0"), true},
		{"one of a list", file("a", "b*", "c"), from("bx"), true},
		{"none of a list", file("a", "b*", "c"), from("d"), false},
		{"a glob", file("*.efi"), from("x.efi"), true},
		{"a star has no slash", file("*.efi"), from("a/x.efi"), false},
		{"two stars have", file("**.efi"), from("a/x.efi"), true},
		{"a regexp is for a part", regexp("linux"), from("pxelinux.0"), true},
		{"a regexp with anchors is for all", regexp("^linux$"), from("pxelinux.0"), false},
		{"a regexp of which only the beginning is there", regexp("^pxelinux[.]1"), from("pxelinux.0"), false},
		{"a regexp that ignores case", blind(regexp("^PXE.*0$")), from("pxelinux.0"), true},
		{"a regexp that ignores case takes a Kelvin sign for a k", blind(regexp("^kernel")), from("\u212aernel"), true},
		{"a regexp that ignores case takes a long s for an s", blind(regexp("initrd/sda")), from("initrd/\u017fda"), true},
		{"a regexp with alternatives at the top", regexp("^a|b"), from("xb"), true},
		{"a regexp of lines", regexp("(?m)^b"), from("a\nb"), true},
		{"one of two regexps", regexp("^x", "0$"), from("pxelinux.0"), true},
		{"an address", client("192.0.2.169"), from("f"), true},
		{"another address", client("192.0.2.16"), from("f"), false},
		{"a prefix", client("192.0.2.128/25"), from("f"), true},
		{"another prefix", client("192.0.2.0/25"), from("f"), false},
		{"IPv4", client("0.0.0.0/0"), from("f"), true},
		{"IPv6 is not IPv4", client("0.0.0.0/0"), with(from("f"), peer("2001:db8::1")), false},
		{"IPv6", client("::/0"), with(from("f"), peer("2001:db8::1")), true},
		{"IPv4 is not IPv6", client("::/0"), from("f"), false},
		{"IPv4 in IPv6 is IPv4", client("192.0.2.0/24"), with(from("f"), peer("::ffff:192.0.2.7")), true},
		{"a link-local address with its zone", client("fe80::/10"), with(from("f"), peer("fe80::1%eth0")), true},
		{"a prefix of IPv6", client("2001:db8:1::/48", "2001:db8:2::/48"), with(from("f"), peer("2001:db8:2::9")), true},
		{"no address at all", client("0.0.0.0/0", "::/0"), &worker.Request{File: "f"}, false},
		{"the address asked", local("192.0.2.1"), from("f"), true},
		{"another address asked", local("192.0.2.2"), from("f"), false},
		{"the neighbour's MAC", mac("52-54-00-12-34-56"), with(from("f"), neighbour("52:54:00:12:34:56")), true},
		{"the first octets of a MAC", mac("5254.00"), with(from("f"), neighbour("52:54:00:12:34:56")), true},
		{"another MAC", mac("52:54:00:12:34:57"), with(from("f"), neighbour("52:54:00:12:34:56")), false},
		{"no MAC is known", mac("52:54:00:12:34:56", "00"), from("f"), false},
		{"no MAC is known, and it must not be one", not(mac("52:54:00")), from("f"), true},
		{"the MAC of a path", route.Rule{Match: route.Match{Regexp: []string{"01-(?P<mac>.*)$"}, MAC: []string{"52:54:00"}}}, from(macPath), true},
		{"the MAC of a path with its type", route.Rule{Match: route.Match{Regexp: []string{"/(?P<mac>.*)$"}, MAC: []string{"525400123456"}}}, from(macPath), true},
		{"the MAC of a path before the neighbour's", route.Rule{Match: route.Match{Regexp: []string{"01-(?P<mac>.*)$"}, MAC: []string{"02:00:00:00:00:01"}}}, with(from(macPath), neighbour("02:00:00:00:00:01")), false},
		{"a group that is no MAC leaves none", route.Rule{Match: route.Match{Regexp: []string{"01-(?P<mac>.*)4-"}, MAC: []string{"02"}}}, with(from(macPath), neighbour("02:00:00:00:00:01")), false},
		{"a group that takes no part leaves the neighbour's", route.Rule{Match: route.Match{Regexp: []string{"0$|(?P<mac>x)"}, MAC: []string{"02"}}}, with(from("f0"), neighbour("02:00:00:00:00:01")), true},
		{"the MAC of a path must not be one", both(regexp("01-(?P<mac>.*)$"), not(mac("52:54:00"))), from(macPath), false},
		{"an option", option("tsize"), with(from("f"), asks("TSize", "0")), true},
		{"an option that was not asked", option("tsize"), with(from("f"), asks("blksize", "8")), false},
		{"an option's value", option("blksize=1428", "blksize=1456"), with(from("f"), asks("blksize", "1456")), true},
		{"another value", option("blksize=1428"), with(from("f"), asks("blksize", "1456")), false},
		{"no value", option("x-vendor="), with(from("f"), asks("x-vendor", "")), true},
		{"a value with an =", option("x==b"), with(from("f"), asks("x", "=b")), true},
		{"not a name", not(file("f")), from("f"), false},
		{"not a name, and it is another", not(file("f")), from("g"), true},
		{"not one of a list", not(file("f", "g")), from("g"), false},
		{"not a regexp", not(regexp("^f")), from("foo"), false},
		{"not a client", not(client("192.0.2.0/24")), from("f"), false},
		{"not an address asked", not(local("10.0.0.0/8")), from("f"), true},
		{"not an option", not(option("windowsize")), from("f"), true},
		{"two conditions under not are two refusals", route.Rule{Not: route.Match{File: []string{"f"}, Client: []string{"10.0.0.0/8"}}}, from("f"), false},
		{"all conditions must hold", route.Rule{Match: route.Match{File: []string{"f"}, Client: []string{"10.0.0.0/8"}}}, from("f"), false},
		{"a condition under each", both(file("f*"), not(file("foo"))), from("fool"), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.rule.Handler = "a"
			d, err := mustOpen(t, tt.rule, route.Rule{Handler: "b"}).Decide(tt.req)
			want := map[bool]string{true: "a", false: "b"}[tt.want]
			if err != nil || d.Handler != want || !reflect.DeepEqual(d.Files, []string{tt.req.File}) {
				t.Errorf("%+v, %v; want handler %q with the name as it came", d, err, want)
			}
		})
	}
}

func TestTheFirstRuleDecides(t *testing.T) {
	t.Parallel()
	h := mustOpen(t,
		route.Rule{Match: route.Match{Regexp: []string{"x$"}}, Handler: "a", Name: "by the general list"},
		route.Rule{Match: route.Match{File: []string{"abx", "aby"}}, Handler: "b", Name: "by its name"},
		route.Rule{Match: route.Match{File: []string{"a*"}}, Name: "by its beginning"},
		route.Rule{Match: route.Match{Client: []string{"192.0.2.0/24"}}, Handler: "a", Name: "by its client"},
	)
	for _, tt := range []struct {
		file, name string
		rule       int
	}{
		{"abx", "by the general list", 1}, {"aby", "by its name", 2}, {"abz", "by its beginning", 3}, {"z", "by its client", 4},
	} {
		if d, err := h.Decide(from(tt.file)); err != nil || d.Rule != tt.rule || d.Name != tt.name {
			t.Errorf("%s: rule %d %q, %v; want %d %q", tt.file, d.Rule, d.Name, err, tt.rule, tt.name)
		}
	}
}

func TestARequestThatNoRuleEnds(t *testing.T) {
	t.Parallel()
	rule := route.Rule{Match: route.Match{File: []string{"a"}}, Rewrite: "b", Then: "continue"}
	d, err := mustOpen(t, rule).Decide(from("a"))
	want := route.Decision{Passed: []route.Step{{1, "", "b"}}, Handler: "default", Files: []string{"b"}}
	if err != nil || !reflect.DeepEqual(d, want) {
		t.Errorf("%+v, %v; want %+v", d, err, want)
	}
	d, err = mustOpenWith(t, nil, rule).Decide(from("a"))
	want = route.Decision{Passed: want.Passed, Err: &protocol.Error{Code: protocol.CodeNotFound, Message: "File not found"}}
	if err != nil || !reflect.DeepEqual(d, want) {
		t.Errorf("without a default: %+v, %v; want %+v", d, err, want)
	}
}

func TestQuirksOfAllRulesThatApplyHold(t *testing.T) {
	t.Parallel()
	h := mustOpen(t,
		route.Rule{Quirks: worker.Quirks{MaxBlksize: 1024, IgnoreOptions: []string{"tsize"}, Rollover: 1}, Then: "continue"},
		route.Rule{Match: route.Match{File: []string{"z"}}, Quirks: worker.Quirks{NoOptions: true}, Then: "continue"},
		route.Rule{Quirks: worker.Quirks{MaxBlksize: 65464, MaxWindowsize: 4, MTUClamp: worker.ClampOff, MTU: 1280}},
	)
	want := worker.Quirks{MaxBlksize: 1024, MaxWindowsize: 4, IgnoreOptions: []string{"tsize"}, Rollover: 1, MTUClamp: worker.ClampOff, MTU: 1280}
	if d, err := h.Decide(from("f")); err != nil || !reflect.DeepEqual(d.Quirks, want) {
		t.Errorf("%+v, %v; want %+v", d.Quirks, err, want)
	}
}

func TestRulesThatCantBeFollowed(t *testing.T) {
	t.Parallel()
	grow := route.Rule{Name: "grow", Match: route.Match{Regexp: []string{"x"}}, Replace: &route.Replace{With: "xx", Times: "until-gone"}}
	turn := route.Rule{Match: route.Match{Regexp: []string{"ab|ba"}}, Replace: &route.Replace{With: `\L\0`}, Then: "restart"}
	tests := []struct {
		name  string
		rules []route.Rule
		file  string
		err   string
	}{
		{"a replacement that makes itself anew", []route.Rule{grow}, "x", `rule 1 "grow": makes the name longer than 4096 bytes`},
		{"a replacement that changes nothing", []route.Rule{{Match: route.Match{Regexp: []string{"x"}}, Replace: &route.Replace{With: "x", Times: "until-gone"}}}, "x", "rule 1: still going on after 4096 steps"},
		{"a restart that changes nothing", []route.Rule{turn}, "ab", "rule 1: still going on after 4096 steps"},
		{"two restarts that take turns", []route.Rule{
			{Match: route.Match{File: []string{"a"}}, Rewrite: "b", Then: "restart"},
			{Match: route.Match{File: []string{"b"}}, Rewrite: "a", Then: "restart"},
		}, "a", "still going on after 4096 steps"},
		{"nothing is left", []route.Rule{{Match: route.Match{Regexp: []string{".*"}}, Replace: &route.Replace{}}}, "abc", "rule 1: leaves nothing of the name (asked was abc)"},
		{"a name to try that is empty", []route.Rule{{Match: route.Match{Regexp: []string{"c(x?)"}}, TryFiles: []string{`\1`}}}, "abc", "rule 1: leaves nothing of the name"},
		{"a name to try that is too long", []route.Rule{{TryFiles: []string{strings.Repeat("x", 5000)}}}, "abc", "rule 1: makes the name longer than 4096 bytes"},
		{"each match is too much", []route.Rule{{Match: route.Match{Regexp: []string{"x"}}, Replace: &route.Replace{With: strings.Repeat("y", 100), Times: "each"}}}, strings.Repeat("x", 50), "rule 1: makes the name longer than 4096 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, err := mustOpen(t, tt.rules...).Decide(from(tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.err) || !reflect.DeepEqual(d, route.Decision{}) {
				t.Errorf("%+v, %v; want an error with %q", d, err, tt.err)
			}
		})
	}
}
