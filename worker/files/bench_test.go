package files

import (
	"context"
	"testing"

	"brood/worker"
)

func BenchmarkOpen(b *testing.B) {
	dir := build(b, layout{
		{"root/file", "x"},
		{"root/a/file", "x"},
		{"root/a/b/c/d/file", "x"},
		{"root/link", "-> a/file"},
		{"root/abs", "-> {}/root/a/file"},
		{"root/dir", "-> {}/follow"},
		{"follow/file", "x"},
	})
	h := open(b, dir+"/root", dir+"/follow")
	for _, bb := range []struct{ name, file string }{
		{"file", "file"},
		{"in a directory", "a/file"},
		{"four directories deep", "a/b/c/d/file"},
		{"relative link", "link"},
		{"absolute link", "abs"},
		{"follow tree", "dir/file"},
		{"missing", "gone"},
	} {
		b.Run(bb.name, func(b *testing.B) {
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
