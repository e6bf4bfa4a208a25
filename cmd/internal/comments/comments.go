// Package comments reads what the comments of a struct's fields say, for whoever
// makes help, tables and schemas of them. It parses Go source, so no program that
// is to be small or to run without its source imports it.
package comments

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"sort"
	"strings"
)

// Field is one field that has a key, or the heading of those that follow it.
type Field struct {
	Heading string
	Key     string // of the tag yaml
	Type    string // as it is written
	Doc     string // one line
	Default string // what the comment says after "Default:"
}

// Structs returns the fields of all structs that a package's folder declares, by
// the struct's name.
func Structs(dir string) (map[string][]Field, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no Go source in %s: %v", dir, err)
	}
	all := make(map[string][]Field)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				all[spec.Name.Name] = fields(file, s)
			}
			return false
		})
	}
	return all, nil
}

func fields(file *ast.File, s *ast.StructType) []Field {
	type placed struct {
		at token.Pos
		Field
	}
	var found []placed
	for _, c := range file.Comments {
		if c.Pos() < s.Pos() || c.End() > s.End() {
			continue
		}
		if heading, ok := strings.CutPrefix(strings.TrimSpace(c.Text()), "# "); ok {
			found = append(found, placed{c.Pos(), Field{Heading: heading}})
		}
	}
	last := ""
	for _, f := range s.Fields.List {
		if f.Tag == nil {
			continue
		}
		key, _, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("yaml"), ",")
		if key == "" || key == "-" {
			continue
		}
		doc := strings.Join(strings.Fields(f.Doc.Text()), " ")
		if doc == "" {
			doc = last // a comment is for the fields below it, too, that have none
		}
		last = doc
		doc, def, _ := strings.Cut(doc, "Default: ")
		found = append(found, placed{f.Pos(), Field{
			Key: key, Type: source(f.Type), Doc: strings.TrimSpace(doc), Default: strings.TrimSuffix(def, "."),
		}})
	}
	sort.Slice(found, func(i, j int) bool { return found[i].at < found[j].at })
	var all []Field
	for _, f := range found {
		all = append(all, f.Field)
	}
	return all
}

var link = regexp.MustCompile(`(?:, see )?\[([^]]+)\]\(#[^)]+\)`)

// Plain is a comment without its Markdown. A reference to another part of the README
// is left out.
func Plain(text string) string {
	text = link.ReplaceAllStringFunc(text, func(l string) string {
		if strings.HasPrefix(l, ",") {
			return ""
		}
		return link.FindStringSubmatch(l)[1]
	})
	return strings.ReplaceAll(text, "`", "")
}

func source(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.ArrayType:
		return "[]" + source(e.Elt)
	case *ast.StarExpr:
		return "*" + source(e.X)
	case *ast.MapType:
		return "map[" + source(e.Key) + "]" + source(e.Value)
	case *ast.SelectorExpr:
		return source(e.X) + "." + e.Sel.Name
	}
	return ""
}
