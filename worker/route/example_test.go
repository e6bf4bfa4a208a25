package route_test

import (
	"context"
	"fmt"
	"io"
	"net/netip"

	"brood/worker"
	"brood/worker/route"
)

// The first two rules make names one; the third learns the MAC of PXELINUX's path.
var rules = []route.Rule{
	{BackslashToSlash: true, Then: "continue"},
	{Match: route.Match{Regexp: []string{`^/+`}}, Replace: &route.Replace{}, Then: "continue"},
	{Match: route.Match{Regexp: []string{`^pxelinux\.cfg/(?P<mac>01-[0-9a-f-]+)$`}}, Then: "continue"},
	{
		Name:   "old ROM",
		Match:  route.Match{MAC: []string{"00:0c:29"}, File: []string{"pxelinux.0"}},
		Quirks: worker.Quirks{MaxBlksize: 512, IgnoreOptions: []string{"tsize"}},
	},
	{
		Name:     "per machine",
		Match:    route.Match{File: []string{"pxelinux.cfg/01-*"}},
		TryFiles: []string{"machines/${mac-plain}", "pxelinux.cfg/default"},
	},
	{
		Name:  "secrets",
		Match: route.Match{File: []string{"keys/**"}},
		Not:   route.Match{Client: []string{"192.0.2.0/24"}},
		Error: &route.Refusal{Code: 2, Message: "Not for ${ip}"},
	},
}

func Example() {
	table, err := route.Compile(rules)
	if err != nil {
		panic(err)
	}
	// In the worker, the table being the configuration or a part of it:
	h, err := route.Open(table, map[string]worker.Handler{
		route.Default: worker.HandlerFunc(func(_ context.Context, req *worker.Request) (worker.Response, error) {
			return worker.Bytes([]byte("content of " + req.File)), nil
		}),
	})
	if err != nil {
		panic(err)
	}
	for _, file := range []string{`\Boot\BCD`, "/pxelinux.cfg/01-52-54-00-12-34-56", "keys/host"} {
		req := &worker.Request{File: file, Peer: netip.MustParseAddrPort("198.51.100.7:1069")}
		resp, err := h.Open(context.Background(), req)
		if err != nil {
			fmt.Println(err)
			continue
		}
		content, _ := io.ReadAll(resp)
		resp.Close()
		fmt.Printf("%s\n", content)
	}
	// Output:
	// content of Boot/BCD
	// content of machines/525400123456
	// route: rule 6 "secrets": access violation: Not for 198.51.100.7
}

func ExampleHandler_Decide() {
	table, err := route.Compile(rules)
	if err != nil {
		panic(err)
	}
	h, err := route.Open(table, map[string]worker.Handler{route.Default: worker.HandlerFunc(nil)})
	if err != nil {
		panic(err)
	}
	d, err := h.Decide(&worker.Request{File: "/pxelinux.0", MAC: "00:0c:29:12:34:56"})
	if err != nil {
		panic(err)
	}
	for _, p := range d.Passed {
		fmt.Printf("rule %d: %s\n", p.Rule, p.File)
	}
	fmt.Printf("rule %d %q: handler %s, files %q, %+v\n", d.Rule, d.Name, d.Handler, d.Files, d.Quirks)
	// Output:
	// rule 1: /pxelinux.0
	// rule 2: pxelinux.0
	// rule 4 "old ROM": handler default, files ["pxelinux.0"], {MaxBlksize:512 MaxWindowsize:0 NoOptions:false IgnoreOptions:[tsize] Rollover:0 MTUClamp: MTU:0}
}

func ExampleCompile() {
	_, err := route.Compile([]route.Rule{{
		Name:    "clean",
		Match:   route.Match{Client: []string{"10.0.0.1/8"}},
		Replace: &route.Replace{With: "x"},
	}})
	fmt.Println(err)
	// Output:
	// rule 1 "clean": replace: match.regexp is empty: want the regexp that is to be replaced there
	// rule 1 "clean": match.client.0: "10.0.0.1/8" has bits beyond its length, want 10.0.0.0/8 or 10.0.0.1
}
