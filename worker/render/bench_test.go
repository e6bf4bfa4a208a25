package render

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"brood/worker"
	"brood/worker/render/inventory"
)

// A worker is a new process for each session, so all of it counts: the options,
// the table of 10,000 machines, the template.
func BenchmarkSession(b *testing.B) {
	f := &inventory.File{Defaults: vars{"console": "ttyS0", "kernel": "vmlinuz", "server": "10.0.0.1"}}
	for i := range 10_000 {
		f.Machines = append(f.Machines, inventory.Machine{Name: fmt.Sprintf("m%d", i), MACs: []string{fmt.Sprintf("5254%08x", i)}, Vars: vars{"key": strings.Repeat("k", 200)}})
	}
	raw, err := inventory.Compile(f)
	if err != nil {
		b.Fatal(err)
	}
	dir := templates(b, map[string]string{
		"pxelinux": "DEFAULT linux\nLABEL linux\n  KERNEL {{.kernel}}\n  APPEND console={{.console}} {{range $i, $k := .args | default .macs}}a{{$i}}={{macDash $k}} {{end}}\n",
		"large":    strings.Repeat("{{.kernel}}\n", 1000),
	})
	o := Options{Templates: dir, Documents: []Document{{File: "pxelinux.cfg/01-{mac}", Template: "pxelinux"}, {File: "large/{mac}", Template: "large"}}}
	for name, file := range map[string]string{"pxelinux.cfg": "pxelinux.cfg/01-52-54-00-00-1a-85", "a thousand actions": "large/52-54-00-00-1a-85", "no document": "x"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			req := &worker.Request{File: file}
			for b.Loop() {
				table, err := inventory.Open(raw)
				if err != nil {
					b.Fatal(err)
				}
				h, err := Open(o, table)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := h.Open(context.Background(), req); (err == nil) != (file != "x") {
					b.Fatal(err)
				}
				h.Close()
			}
		})
	}
}
