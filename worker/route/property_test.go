package route_test

import (
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"brood/protocol"
	"brood/worker"
	"brood/worker/route"
)

// random makes rules and requests of few pieces, so that they often meet.
type random struct{ *rand.Rand }

func pick[T any](r random, from ...T) T { return from[r.IntN(len(from))] }

// some picks a list of up to three, mostly none.
func some(r random, from ...string) (list []string) {
	for n := max(0, r.IntN(8)-4); n > 0; n-- {
		list = append(list, pick(r, from...))
	}
	return list
}

func (r random) match() route.Match {
	return route.Match{
		File: some(r, "a", "b", "ab", "a/b", "A", "a*", "A*", "**b", "a/?", "[ab]/*", "[!a]*", "*", `\*`, "a/**/b", "pxe/01-*", "K*", "aaaa*"),
		Regexp: some(r, "^a", "b$", "^(a|b)(.)?", "(?P<x>[ab]+)/", "^pxe/01-(?P<mac>.+)$", "(?P<mac>[0-9a-f]{12})", "", "^A", "k", "^k",
			"s", "a.*b", "(?i)^A/b", "^a+b", "^(a)(b)?", "^aaaa", "(?m)^b", "^a|b", "^$", "^(a)(/)b", `\\`, "^(?P<x>.)(?P<y>.)?"),
		Client: some(r, "10.0.0.1", "10.0.0.0/8", "10.0.0.0/31", "0.0.0.0/0", "::/0", "2001:db8::/32", "2001:db8::1"),
		Local:  some(r, "192.0.2.1", "192.0.2.0/24", "::/0"),
		MAC:    some(r, "52:54:00:00:00:01", "5254.0000.0002", "52-54", "525400", "00", "01-52-54-00-00-00-03"),
		Option: some(r, "tsize", "blksize=8", "BLKSIZE", "x"),
	}
}

func (r random) rule() route.Rule {
	var rule route.Rule
	if r.IntN(6) > 0 {
		rule.Match = r.match()
	}
	if r.IntN(4) == 0 {
		rule.Not = r.match()
	}
	rule.IgnoreCase = r.IntN(4) == 0
	switch r.IntN(8) {
	case 0:
		rule.Rewrite = pick(r, "a", "${file}", "${x}b", "${mac-plain}", "b/${file}", "a${y}")
	case 1, 2:
		if len(rule.Match.Regexp) > 0 {
			rule.Replace = &route.Replace{With: pick(r, "", "a", `\0`, `${x}\0${x}`, "b"), Times: pick[route.Times](r, "", "once", "each", "until-gone")}
		}
	case 3:
		rule.BackslashToSlash = true
	case 4:
		rule.FoldCase = "lower"
	}
	rule.Then = pick[route.Then](r, "", "continue")
	if r.IntN(40) == 0 {
		rule.Then = "restart"
	}
	if rule.Then == "restart" && rule.Rewrite == "" && rule.Replace == nil && !rule.BackslashToSlash && rule.FoldCase == "" {
		rule.Then = "continue"
	}
	if r.IntN(3) == 0 {
		rule.Quirks.MaxBlksize = 512 + r.IntN(100)
	}
	if rule.Then != "" {
		return rule
	}
	switch r.IntN(4) {
	case 0:
		rule.Deny = true
		return rule
	case 1:
		rule.TryFiles = []string{pick(r, "${mac-plain}/${file}", "${x}", "${y}${x}", "x"), pick(r, "${mac-plain}", "${file}", "${y}")}
	}
	rule.Handler = pick(r, "default", "a", "b")
	return rule
}

func (r random) request() *worker.Request {
	req := &worker.Request{Local: netip.MustParseAddrPort(pick(r, "192.0.2.1:1", "198.51.100.1:1", "[2001:db8::9]:1"))}
	for n := 1 + r.IntN(4); n > 0; n-- {
		req.File += pick(r, "a", "b", "A", "B", "/", "*", "k", "\u212a", "s", "\u017f", `\`, "\xff", "\n", "ab", "aaaa", "pxe/01-", "52-54-00-00-00-01", "525400000002", "5254.0000.0003")
	}
	if a := pick(r, "10.0.0.1", "10.0.0.2", "10.1.0.1", "192.0.2.1", "2001:db8::1", "2001:db9::1", "::ffff:10.0.0.1", "fe80::1%eth0", ""); a != "" {
		req.Peer = netip.AddrPortFrom(netip.MustParseAddr(a), 7)
	}
	req.MAC = pick(r, "", "52:54:00:00:00:01", "52:54:00:00:00:03", "02:00:00:00:00:01")
	for _, o := range []protocol.Option{{Name: "TSIZE", Value: "0"}, {Name: "blksize", Value: "8"}, {Name: "x", Value: ""}} {
		if r.IntN(3) == 0 {
			req.Options = append(req.Options, o)
		}
	}
	return req
}

// asWithoutAnIndex compares what random rules make of random requests with what
// they make without an index. It returns how many requests met how many rules.
func asWithoutAnIndex(t *testing.T, seed uint64, requests int) (met, ended, broken int) {
	t.Helper()
	r := random{rand.New(rand.NewPCG(seed, 0))}
	rules := make([]route.Rule, r.IntN(20))
	for i := range rules {
		rules[i] = r.rule()
	}
	// A name must be one that some group has.
	rules = append(rules, route.Rule{Match: route.Match{Regexp: []string{"(?P<x>z)(?P<y>z)"}}, Deny: true})
	table, err := route.Compile(rules)
	if err != nil {
		if !strings.Contains(err.Error(), "so it is never gone") {
			t.Fatalf("seed %d: %v", seed, err)
		}
		return 0, 0, 0
	}
	h, err := route.Open(table, stubs)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	for range requests {
		req := r.request()
		got, err := h.Decide(req)
		want, wantErr := (&naive{rules: rules}).decide(req)
		if !reflect.DeepEqual(got, want) || (err == nil) != (wantErr == nil) {
			t.Fatalf("seed %d: %+v\ncomes to %+v, %v\nand naively to %+v, %v\nby %+v", seed, req, got, err, want, wantErr, rules)
		}
		met += len(got.Passed)
		if got.Rule != 0 {
			ended++
		}
		if err != nil {
			broken++
		}
	}
	return met, ended, broken
}

func TestTheIndexFindsWhatALookAtEachRuleFinds(t *testing.T) {
	t.Parallel()
	var met, ended, broken int
	for seed := range uint64(40) {
		m, e, b := asWithoutAnIndex(t, seed, 20)
		met, ended, broken = met+m, ended+e, broken+b
	}
	if met < 200 || ended < 200 || broken == 0 {
		t.Errorf("only %d rules applied and went on, %d ended, %d could not be followed: the test is of little worth", met, ended, broken)
	}
}

func FuzzDecideAsWithoutAnIndex(f *testing.F) {
	for seed := range uint64(10) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { asWithoutAnIndex(t, seed, 2) }) // without an index it takes its time
}
