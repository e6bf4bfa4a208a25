package inventory

import (
	"fmt"
	"strings"
	"testing"
)

// large is the table of n machines of about 500 bytes each.
func large(b *testing.B, n int) []byte {
	b.Helper()
	f := &File{Defaults: vars{"console": "ttyS0", "network": vars{"domain": "example.com", "prefix": 24, "dns": []any{"10.0.0.2", "10.0.0.3"}}}}
	for i := range n {
		f.Machines = append(f.Machines, Machine{
			Name: fmt.Sprintf("m%d.example.com", i), MACs: []string{fmt.Sprintf("5254%08x", i)}, IPs: []string{fmt.Sprintf("10.0.%d.%d", i/256, i%256)},
			UUID: fmt.Sprintf("%032x", i), Serial: fmt.Sprintf("S%d", i),
			Vars: vars{"role": "web", "disks": []any{"sda", "sdb"}, "key": strings.Repeat("k", 200)},
		})
	}
	raw, err := Compile(f)
	if err != nil {
		b.Fatal(err)
	}
	return raw
}

func BenchmarkOpen(b *testing.B) {
	raw := large(b, 10_000)
	b.ReportAllocs()
	b.ReportMetric(float64(len(raw))/10_000, "B/machine")
	for b.Loop() {
		if _, err := Open(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	table := open(b, large(b, 10_000))
	for _, bb := range []struct {
		by    By
		value string
		found bool
	}{
		{ByMAC, "01-52-54-00-00-1a-85", true},
		{ByIP, "10.0.26.133", true},
		{ByUUID, fmt.Sprintf("%032x", 6789), true},
		{BySerial, "S6789", true},
		{ByName, "m6789.example.com", true},
		{ByName, "nobody", false},
	} {
		b.Run(fmt.Sprintf("%s %s", bb.by, bb.value), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := table.Lookup(bb.by, bb.value); (err == nil) != bb.found {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		large(b, 10_000)
	}
}
