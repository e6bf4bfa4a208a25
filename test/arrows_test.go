package test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows are the imports that a folder may have among ours; what is below it may
// have them too (DESIGN, "Folders").
var arrows = map[string][]string{
	"protocol":   {},
	"ipc":        {"ipc"},
	"worker":     {"worker", "ipc", "protocol"},
	"supervisor": {"supervisor", "ipc", "protocol"},
	"cmd":        {"cmd", "supervisor", "worker", "ipc", "protocol"},
}

// forbidden are the imports from elsewhere that a folder must not have.
var forbidden = map[string][]string{
	"protocol":   {"net", "os", "syscall", "golang.org/x/sys/unix", "time/tzdata"}, // it decides, the worker does the I/O
	"supervisor": {"net", "net/http", "crypto/tls", "plugin"},
	"ipc":        {"net", "net/http", "crypto/tls"},
}

// listPackages returns what each package of the module imports, without its tests:
// those of a server need handlers and a client.
func listPackages(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	imports := map[string][]string{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return imports
		} else if err != nil {
			t.Fatal(err)
		}
		imports[p.ImportPath] = p.Imports
	}
}

// folder is the first element of one of our packages' paths, "" for another's.
func folder(path string) string {
	ours, ok := strings.CutPrefix(path, "brood/")
	if !ok {
		return ""
	}
	top, _, _ := strings.Cut(ours, "/")
	return top
}

func TestArrows(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for path, imports := range listPackages(t) {
		from := folder(path)
		allowed, known := arrows[from]
		if !known {
			if from != "test" {
				t.Errorf("%s lies in a folder that DESIGN does not name", path)
			}
			continue
		}
		seen[from] = true
		for _, imported := range imports {
			if to := folder(imported); to != "" && !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s: %s may import of ours only %v", path, imported, from, allowed)
			}
			if slices.Contains(forbidden[from], imported) {
				t.Errorf("%s imports %s: DESIGN keeps that out of %s", path, imported, from)
			}
		}
	}
	for name := range arrows {
		if !seen[name] {
			t.Errorf("there is no package in %s", name)
		}
	}
}
