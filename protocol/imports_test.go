package protocol

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestImports holds the package to what doc.go promises: it decides, and others
// do the I/O.
func TestImports(t *testing.T) {
	allowed := []string{"bytes", "encoding/binary", "errors", "io", "math", "math/bits", "strconv", "strings", "time", "unicode", "unicode/utf8"}
	paths, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil || len(paths) < 20 {
		t.Fatalf("found %d files: %v", len(paths), err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			if name, _ := strconv.Unquote(spec.Path.Value); !slices.Contains(allowed, name) {
				t.Errorf("%s imports %s", path, name)
			}
		}
		// The time comes from the caller, and nothing goes on behind his back.
		for _, bad := range []string{"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After", "time.NewTimer", "\tgo "} {
			if strings.Contains(string(src), bad) {
				t.Errorf("%s has %q", path, bad)
			}
		}
	}
}
