package route_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"brood/worker"
	"brood/worker/route"
)

// many are kinds of 10,000 rules, each with requests that meet one of them, and
// one that meets none.
var many = []struct {
	name     string
	rules    func(n int) []route.Rule
	requests []worker.Request
}{
	{"mix", mix, []worker.Request{
		{File: "pxelinux.cfg/01-52-54-00-00-13-88"},
		{File: "machine/4999.cfg"},
		{File: "tree/5002/vmlinuz"},
		{File: "firmware-77-v3.bin"},
		{File: "grub/x86_64-efi/normal.mod", MAC: "52:54:00:00:13:88"},
		{File: "pxelinux.cfg/C0A80001", MAC: "02:00:00:00:00:01"},
		{File: strings.Repeat("tree/", 400)},
		{File: strings.Repeat("/01-52-54-00-00-13-88", 95)},
	}},
	{"MACs", each(func(i int) route.Rule {
		return route.Rule{Match: route.Match{MAC: []string{macOf(i)}}, TryFiles: []string{"${mac}/${file}", "${file}"}}
	}), []worker.Request{{File: "pxelinux.0", MAC: macOf(5000)}, {File: "pxelinux.0"}}},
	{"MACs of a group each", each(func(i int) route.Rule {
		return route.Rule{Match: route.Match{MAC: []string{macOf(i)}, Regexp: []string{`^pxelinux\.cfg/01-(?P<mac>[0-9a-f-]{17})$`}}, Rewrite: "x"}
	}), []worker.Request{{File: "pxelinux.cfg/01-52-54-00-00-13-88"}, {File: "pxelinux.cfg/01-02-54-00-00-13-88"}}},
	{"files", each(func(i int) route.Rule {
		return route.Rule{Match: route.Match{File: []string{fmt.Sprintf("machine/%d.cfg", i)}}}
	}), []worker.Request{{File: "machine/5000.cfg"}, {File: "machine/x.cfg"}}},
	{"globs", each(func(i int) route.Rule {
		return route.Rule{Match: route.Match{File: []string{fmt.Sprintf("machine/%d/*.cfg", i)}}}
	}), []worker.Request{{File: "machine/5000/a.cfg"}, {File: "machine/x/a.cfg"}}},
	{"regexps with a beginning", each(func(i int) route.Rule {
		return route.Rule{Match: route.Match{Regexp: []string{fmt.Sprintf(`^machine/%d/(.*)\.cfg$`, i)}}, Rewrite: `\1`}
	}), []worker.Request{{File: "machine/5000/a.cfg"}, {File: "machine/x/a.cfg"}}},
	{"clients", each(func(i int) route.Rule {
		return route.Rule{Match: route.Match{Client: []string{fmt.Sprintf("10.1.%d.%d", i/256, i%256)}, File: []string{"pxelinux.cfg/default"}}}
	}), []worker.Request{{File: "pxelinux.cfg/default", Peer: netip.MustParseAddrPort("10.1.19.136:2000")}, {File: "pxelinux.cfg/default"}}},
	{"networks", each(func(i int) route.Rule {
		return route.Rule{Match: route.Match{Client: []string{fmt.Sprintf("10.%d.%d.0/24", i/256, i%256)}}}
	}), []worker.Request{{File: "f", Peer: netip.MustParseAddrPort("10.19.136.7:2000")}, {File: "f"}}},
}

func macOf(i int) string {
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", i>>16&255, i>>8&255, i&255)
}

func each(rule func(i int) route.Rule) func(n int) []route.Rule {
	return func(n int) []route.Rule {
		rules := make([]route.Rule, n)
		for i := range rules {
			rules[i] = rule(i)
		}
		return rules
	}
}

// mix is what a site's rules might be: a few that clean names, one that learns
// the MAC of a path, some regexps for anything, and the rest per machine.
func mix(n int) []route.Rule {
	rules := []route.Rule{
		{BackslashToSlash: true, Then: "continue"},
		{Match: route.Match{Regexp: []string{`^/+`}}, Replace: &route.Replace{}, Then: "continue"},
		{Match: route.Match{Regexp: []string{`/01-(?P<mac>[0-9a-f]{2}(-[0-9a-f]{2}){5})$`}}, Then: "continue"},
	}
	for i := range 36 {
		rules = append(rules, route.Rule{Match: route.Match{Regexp: []string{fmt.Sprintf(`(^|/)firmware-%d-v[0-9]+\.(bin|img)$`, i+50)}}, Rewrite: fmt.Sprintf("firmware/%d", i)})
	}
	for i := len(rules); i < n; i++ {
		r := route.Rule{Name: fmt.Sprint("machine ", i)}
		switch i % 4 {
		case 0:
			r.Match.MAC = []string{macOf(i)}
			r.TryFiles = []string{"machines/${mac}/${file}", "${file}"}
		case 1:
			r.Match.MAC = []string{macOf(i)}
			r.Match.File = []string{"*.efi"}
			r.Quirks.MaxBlksize = 1024
		case 2:
			r.Match.File = []string{fmt.Sprintf("tree/%d/**", i)}
		default:
			r.Match.File = []string{fmt.Sprintf("machine/%d.cfg", i)}
			r.Match.Client = []string{"10.0.0.0/8", "192.168.0.0/16"}
		}
		rules = append(rules, r)
	}
	return rules
}

const tenThousand = 10_000

func BenchmarkDecide(b *testing.B) {
	for _, bb := range many {
		table, err := route.Compile(bb.rules(tenThousand))
		if err != nil {
			b.Fatal(err)
		}
		for _, req := range bb.requests {
			if !req.Peer.IsValid() {
				req.Peer = netip.MustParseAddrPort("192.168.7.8:2000")
			}
			run := func(name string, look func(b *testing.B)) {
				b.Run(fmt.Sprintf("%s/%.40s %s/%s", bb.name, req.File, req.MAC, name), func(b *testing.B) {
					b.ReportAllocs()
					look(b)
				})
			}
			run("again", func(b *testing.B) {
				h, err := route.Open(table, stubs)
				for b.Loop() && err == nil {
					_, err = h.Decide(&req)
				}
				if err != nil {
					b.Fatal(err)
				}
			})
			run("first", func(b *testing.B) {
				for b.Loop() {
					h, err := route.Open(table, stubs)
					if err != nil {
						b.Fatal(err)
					}
					if _, err = h.Decide(&req); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, bb := range many {
		table, err := route.Compile(bb.rules(tenThousand))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			b.ReportMetric(float64(len(table)), "table-bytes")
			for b.Loop() {
				if _, err := route.Open(table, stubs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	rules := mix(tenThousand)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := route.Compile(rules); err != nil {
			b.Fatal(err)
		}
	}
}
