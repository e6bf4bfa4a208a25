package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Every import is paid at every worker start (DESIGN, "Why the daemon's imports
// are rationed"). These are the modules prescribed, and what they need.
var allowedModules = []string{
	"brood",
	"github.com/hashicorp/go-hclog",
	"github.com/fatih/color", "github.com/mattn/go-colorable", "github.com/mattn/go-isatty",
	"github.com/vmihailenco/msgpack/v5",
	"github.com/vmihailenco/tagparser/v2",
	"golang.org/x/sys",
}

// What must be in neither a worker nor the process that owns the port.
var forbiddenImports = []string{
	"net", "net/http", "crypto/tls", "html/template", "encoding/xml", "encoding/gob",
	"archive/zip", "database/sql", "go/ast", "plugin", "expvar", "net/rpc", "testing", "runtime/cgo",
}

// What only broodctl may import, which reads what people write: cmd/brood has the
// types of it in common with broodctl, and must not get the reader with them.
func TestOnlyBroodctlReadsYAML(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]bool{"../broodctl": true, ".": false, "../internal/config": false} {
		out, err := exec.Command("go", "list", "-deps", dir).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(out), "yaml"); got != want {
			t.Errorf("%s imports YAML: %v, want %v", dir, got, want)
		}
	}
}

func TestTheImageHoldsNoMoreThanItMust(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}} {{.ImportPath}}", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	modules := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		module, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		if path == "" { // of the standard library
			module, path = "", module
		}
		if module != "" && !slices.Contains(allowedModules, module) {
			t.Errorf("the image holds %s of %s, want only %v", path, module, allowedModules)
		}
		for _, bad := range forbiddenImports {
			if path == bad {
				t.Errorf("the image holds %s", path)
			}
		}
		for _, bad := range []string{"yaml", "prometheus", "protobuf", "sprig"} {
			if strings.Contains(path, bad) {
				t.Errorf("the image holds %s", path)
			}
		}
		modules[module] = true
	}
	for _, want := range allowedModules {
		if !modules[want] {
			t.Errorf("the image holds nothing of %s: take it off this list", want)
		}
	}
}
