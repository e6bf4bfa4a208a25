package files

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"brood/worker"
)

// A miss reads all of a directory, a hit in small letters none of it.
func BenchmarkIgnoreCase(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		dir := build(b, layout{{"root/boot/BCD", "x"}, {"root/Mixed", "x"}})
		for i := range n {
			if err := os.WriteFile(filepath.Join(dir, "root", fmt.Sprintf("Some-file-%d", i)), nil, 0o644); err != nil {
				b.Fatal(err)
			}
		}
		h, err := New(Options{Root: dir + "/root", IgnoreCase: true})
		if err != nil {
			b.Fatal(err)
		}
		defer h.Close()
		for _, bb := range []struct{ name, file string }{
			{"exact", "boot/BCD"},
			{"small letters", `\BOOT\BCD`},
			{"mixed letters", "mixed"},
			{"missing", "gone"},
		} {
			b.Run(fmt.Sprintf("%s of %d", bb.name, n), func(b *testing.B) {
				b.ReportAllocs()
				req := &worker.Request{File: bb.file}
				for b.Loop() {
					if resp, err := h.Open(context.Background(), req); err == nil {
						resp.Close()
					}
				}
			})
		}
	}
}
