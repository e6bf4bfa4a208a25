package document

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"

	"brood/cmd/internal/config"
)

// Bounds of how far aliases and merges can make a small file large.
const (
	maxNodes  = 1_000_000
	maxDepth  = 100
	maxMerges = 8
)

// decoder fills in Go values from a tree, and goes on after each fault.
type decoder struct {
	file   string
	faults Faults
	at     map[string]Position // of each key, by the keys that lead there, with dots between
	nodes  int
	depth  int
}

func (d *decoder) fault(n *yaml.Node, format string, args ...any) {
	d.faults = append(d.faults, &Fault{d.file, Position{n.Line, n.Column}, fmt.Errorf(format, args...)})
}

func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	if d.tooMany(n) {
		return
	}
	d.depth++
	defer func() { d.depth-- }()
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if _, ok := d.at[path]; !ok {
		d.at[path] = Position{n.Line, n.Column}
	}
	switch {
	case strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") && n.Tag != "!":
		d.fault(n, "%s: a tag; want %s", n.Tag, want(v.Type()))
		return
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Style == 0:
		return // as if the key were not there
	}
	if c, ok := v.Addr().Interface().(chooser); ok {
		d.choose(n, c, path)
		return
	}
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.scalar(n, v)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(n, v.Elem(), path)
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Map:
		d.mapping(n, v, path)
	case reflect.Interface:
		if x := d.free(n); x != nil {
			v.Set(reflect.ValueOf(x))
		}
	case reflect.Slice:
		if !d.is(n, yaml.SequenceNode, v.Type()) {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, element := range n.Content {
			d.value(element, v.Index(i), fmt.Sprintf("%s.%d", path, i))
		}
	default:
		d.scalar(n, v)
	}
}

// tooMany counts what is looked at.
func (d *decoder) tooMany(n *yaml.Node) bool {
	if d.depth == maxDepth {
		d.fault(n, "more than %d values, one in the other", maxDepth)
		return true
	}
	if d.nodes++; d.nodes == maxNodes {
		d.fault(n, "this file's aliases make it too large: more than %d values", maxNodes)
	}
	return d.nodes >= maxNodes
}

// is says whether a node is of the kind that a type is read from.
func (d *decoder) is(n *yaml.Node, kind yaml.Kind, t reflect.Type) bool {
	if n.Kind != kind {
		d.fault(n, "%s; want %s", describe(n), want(t))
	}
	return n.Kind == kind
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value) {
	if !d.is(n, yaml.ScalarNode, v.Type()) {
		return
	}
	if err := config.Parse(v, n.Value); err != nil {
		d.fault(n, "%w", err)
	}
}
