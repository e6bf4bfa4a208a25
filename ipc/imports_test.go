package ipc

import (
	"go/build"
	"strings"
	"testing"
)

// TestImports holds the arrows of DESIGN.md: everything may stand on ipc and
// protocol, and they on nothing of ours.
func TestImports(t *testing.T) {
	for _, dir := range []string{".", "../protocol"} {
		pkg, err := build.ImportDir(dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(pkg.GoFiles) == 0 || len(pkg.Imports) == 0 {
			t.Errorf("%s: %d files, %d imports: nothing was checked", dir, len(pkg.GoFiles), len(pkg.Imports))
		}
		for _, name := range pkg.Imports {
			if name == "brood" || strings.HasPrefix(name, "brood/") {
				t.Errorf("%s imports %s", pkg.Name, name)
			}
		}
	}
}
