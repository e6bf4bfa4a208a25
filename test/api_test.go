package test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write api.txt anew")

// public are the packages that other people's servers import.
var public = []string{
	"protocol", "supervisor", "worker", "worker/client", "worker/exec", "worker/files", "worker/origin", "worker/render",
	"worker/render/inventory", "worker/route", "worker/virtual", "worker/workertest",
}

// What others compile against changes by intention only: this test says what has
// changed, and `go test ./test -update` says that it should.
func TestTheExportedAPIIsTheOneWrittenDown(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	for _, pkg := range public {
		declarations := exported(t, filepath.Join("..", pkg))
		fmt.Fprintf(&got, "package brood/%s\n\n%s\n", pkg, strings.Join(declarations, "\n"))
	}
	if *update {
		if err := os.WriteFile("api.txt", got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("api.txt")
	if err != nil {
		t.Fatal(err)
	}
	before, after := strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")
	for _, line := range before {
		if !slices.Contains(after, line) {
			t.Errorf("gone:  %s", line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			t.Errorf("added: %s", line)
		}
	}
	if !t.Failed() && !slices.Equal(before, after) {
		t.Error("the order has changed")
	}
	if t.Failed() {
		t.Log("if that is meant: go test ./test -run API -update")
	}
}

// exported are the exported declarations of a directory's package, without bodies
// and comments, in the order of their text.
func exported(t *testing.T, dir string) (declarations []string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: no package, %v", dir, err)
	}
	files := token.NewFileSet()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.FileExports(file)
		for _, d := range file.Decls {
			for _, d := range apart(d) {
				var b bytes.Buffer
				if err := printer.Fprint(&b, files, d); err != nil {
					t.Fatal(err)
				}
				declarations = append(declarations, bare(b.String()))
			}
		}
	}
	slices.Sort(declarations)
	return declarations
}

// bare leaves out comments, what lies between them, and how columns are aligned.
func bare(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		code, _, _ := strings.Cut(line, "//")
		if words := strings.Fields(code); len(words) > 0 {
			indent := line[:len(line)-len(strings.TrimLeft(line, "\t"))]
			b.WriteString(indent + strings.Join(words, " ") + "\n")
		}
	}
	return b.String()
}

// receiver is the name of a receiver's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// apart has each name of a group stand for itself, and functions without bodies.
func apart(d ast.Decl) []ast.Decl {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil && !ast.IsExported(receiver(d.Recv.List[0].Type)) {
			return nil
		}
		return []ast.Decl{&ast.FuncDecl{Recv: d.Recv, Name: d.Name, Type: d.Type}}
	case *ast.GenDecl:
		if d.Tok == token.IMPORT {
			return nil
		}
		if d.Tok == token.CONST { // a value may be the one before's
			return []ast.Decl{&ast.GenDecl{Tok: d.Tok, Lparen: d.Lparen, Specs: d.Specs, Rparen: d.Rparen}}
		}
		var all []ast.Decl
		for _, spec := range d.Specs {
			all = append(all, &ast.GenDecl{Tok: d.Tok, Specs: []ast.Spec{spec}})
		}
		return all
	}
	return nil
}
