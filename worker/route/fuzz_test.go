package route_test

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"brood/worker"
	"brood/worker/route"
)

// everyKind is a table with all that a rule can have.
func everyKind(t testing.TB) []byte {
	t.Helper()
	all := route.Match{
		File: []string{"a*", "b/[a-z]?"}, Regexp: []string{"^a(?P<g>.*)", "01-(?P<mac>.*)$", "b"},
		Client: []string{"192.0.2.0/24", "2001:db8::1"}, Local: []string{"192.0.2.1"}, Option: []string{"tsize", "blksize=8"},
	}
	table, err := route.Compile([]route.Rule{
		{Name: "all", Match: all, Not: route.Match{MAC: []string{"00:01"}, File: []string{"x"}}, IgnoreCase: true, Rewrite: `\U\0${mac}${ip}`, Then: "continue"},
		{Match: route.Match{MAC: []string{"52:54:00:12:34:56", "52"}}, Quirks: worker.Quirks{MaxBlksize: 512, MTU: 1280, MTUClamp: "on", IgnoreOptions: []string{"tsize"}}, Then: "continue"},
		{Match: route.Match{Regexp: []string{"aa"}}, Replace: &route.Replace{With: "a", Times: "until-gone"}, Then: "restart"},
		{Match: route.Match{Regexp: []string{"c(.)"}}, Replace: &route.Replace{With: `\1`, Times: "each"}, BackslashToSlash: true, FoldCase: "lower", Then: "continue"},
		{Match: route.Match{File: []string{"no"}}, Error: &route.Refusal{Code: 2, Message: "no ${file}"}},
		{Match: route.Match{File: []string{"a**"}}, TryFiles: []string{"${g}/x", "${mac-plain}", "${file}"}, Handler: "a"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// FuzzTable damages a table and asks it: no panic, no hang, and no decision that a
// session could not go by.
func FuzzTable(f *testing.F) {
	table := everyKind(f)
	for i := range uint16(20) {
		f.Add(i*97, uint32(0xffffffff), "abc", true)
		f.Add(i*131, uint32(i), "a01-525400123456", false)
	}
	f.Fuzz(func(t *testing.T, at uint16, value uint32, name string, once bool) {
		b := append([]byte(nil), table...)
		r := rand.New(rand.NewPCG(uint64(at), uint64(value)))
		for range 8 {
			binary.LittleEndian.PutUint32(b[int(at)%(len(b)-4):], value)
			if once {
				break
			}
			at, value = uint16(r.Uint32()), r.Uint32()>>r.IntN(32)
		}
		h, err := route.Open(b, stubs)
		if err != nil || name == "" {
			return
		}
		d, err := h.Decide(with(with(from(name), neighbour("52:54:00:12:34:56")), asks("tsize", "0")))
		if err != nil || d.Err != nil {
			return
		}
		if len(d.Files) == 0 {
			t.Fatalf("no file: %+v", d)
		}
		for _, file := range d.Files {
			if file != name && (file == "" || len(file) > 4096 || strings.Contains(file, "\x00")) {
				t.Fatalf("%q comes to %q", name, d.Files)
			}
		}
	})
}

// FuzzTableOfBytes opens anything.
func FuzzTableOfBytes(f *testing.F) {
	f.Add(everyKind(f), "abc")
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		h, err := route.Open(b, stubs)
		if err != nil {
			return
		}
		if d, err := h.Decide(from(name)); err == nil && d.Err == nil && len(d.Files) == 0 {
			t.Fatalf("no file: %+v", d)
		}
	})
}
