package document

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
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

// chooser is a value of several kinds: a mapping with one key, which says the kind.
type chooser interface {
	Choose(kind string) (options any, ok bool)
	Choices() []string
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

// free reads a value that may be of any kind. What YAML 1.1 took for dates is text.
func (d *decoder) free(n *yaml.Node) any {
	if d.tooMany(n) {
		return nil
	}
	d.depth++
	defer func() { d.depth-- }()
	switch n.Kind {
	case yaml.AliasNode:
		return d.free(n.Alias)
	case yaml.SequenceNode:
		all := make([]any, len(n.Content))
		for i, element := range n.Content {
			all[i] = d.free(element)
		}
		return all
	case yaml.MappingNode:
		all := make(map[string]any)
		d.pairs(n, reflect.TypeOf(all), func(key, value *yaml.Node) { all[key.Value] = d.free(value) })
		return all
	}
	switch n.Tag {
	case "!!null", "!!bool", "!!int", "!!float":
		var x any
		if err := n.Load(&x); err != nil {
			d.fault(n, "%q: %w", n.Value, err)
		}
		return x
	}
	return n.Value
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

// pairs calls each for the keys of a mapping, those that are merged last.
func (d *decoder) pairs(n *yaml.Node, t reflect.Type, each func(key, value *yaml.Node)) {
	if !d.is(n, yaml.MappingNode, t) {
		return
	}
	seen := make(map[string]int)
	var take func(n *yaml.Node, depth int) // of merges
	take = func(n *yaml.Node, depth int) {
		var merges []*yaml.Node
		for i := 0; i+1 < len(n.Content) && !d.tooMany(n); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			line, taken := seen[key.Value]
			switch {
			case key.Kind != yaml.ScalarNode:
				d.fault(key, "%s; want a key", describe(key))
			case key.Tag == "!!merge":
				merges = append(merges, value)
			case taken && depth == 0:
				d.fault(key, "%s: said twice; the first is in line %d", key.Value, line)
			case !taken:
				seen[key.Value] = key.Line
				each(key, value)
			}
		}
		for _, m := range merges {
			if m.Kind == yaml.AliasNode {
				m = m.Alias
			}
			all := []*yaml.Node{m}
			if m.Kind == yaml.SequenceNode {
				all = m.Content
			}
			for _, m := range all {
				if d.tooMany(m) {
					return
				}
				if m.Kind == yaml.AliasNode {
					m = m.Alias
				}
				switch {
				case m.Kind != yaml.MappingNode:
					d.fault(m, "%s; << wants a mapping", describe(m))
				case depth == maxMerges:
					d.fault(m, "merged more than %d mappings deep", maxMerges)
				default:
					take(m, depth+1)
				}
			}
		}
	}
	take(n, 0)
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string) {
	fields := make(map[string]reflect.Value)
	collect(v, fields)
	d.pairs(n, v.Type(), func(key, value *yaml.Node) {
		field, ok := fields[key.Value]
		if !ok {
			var known []string
			for k := range fields {
				known = append(known, k)
			}
			d.fault(key, "%s: no such key%s", key.Value, suggestion(key.Value, known))
			return
		}
		d.enter(key, value, field, path)
	})
}

func (d *decoder) enter(key, value *yaml.Node, v reflect.Value, path string) {
	below := strings.TrimPrefix(path+"."+key.Value, ".")
	d.at[below] = Position{key.Line, key.Column}
	if value.Kind == yaml.ScalarNode && value.Tag != "!!null" {
		d.at[below] = Position{value.Line, value.Column}
	}
	d.value(value, v, below)
}

// collect finds the fields that have keys.
func collect(v reflect.Value, fields map[string]reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Tag.Get("yaml") == ",inline" {
			collect(v.Field(i), fields)
		} else if key := config.Key(f); key != "" {
			fields[key] = v.Field(i)
		}
	}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string) {
	v.Set(reflect.MakeMap(v.Type()))
	d.pairs(n, v.Type(), func(key, value *yaml.Node) {
		name := reflect.New(v.Type().Key()).Elem()
		if err := config.Parse(name, key.Value); err != nil {
			d.fault(key, "%w", err)
			return
		}
		element := reflect.New(v.Type().Elem()).Elem()
		d.enter(key, value, element, path)
		v.SetMapIndex(name, element)
	})
}

// choose reads a mapping with one key.
func (d *decoder) choose(n *yaml.Node, c chooser, path string) {
	known := c.Choices()
	found := 0
	d.pairs(n, reflect.TypeOf(c), func(key, value *yaml.Node) {
		options, ok := c.Choose(key.Value)
		switch {
		case !ok:
			d.fault(key, "%s: no such kind%s", key.Value, suggestion(key.Value, known))
		case found > 0:
			d.fault(key, "%s: a second kind; want one", key.Value)
		default:
			d.enter(key, value, reflect.ValueOf(options).Elem(), path)
		}
		found++
	})
	if found == 0 && n.Kind == yaml.MappingNode {
		d.fault(n, "empty; want one of %s", oneOf(known))
	}
}

// describe says what a node is.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return fmt.Sprintf("%q", n.Value)
}

// want says what a type is read from.
func want(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if c, ok := reflect.New(t).Interface().(chooser); ok {
		return "a mapping with one key: " + oneOf(c.Choices())
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "a single value"
	}
	switch t.Kind() {
	case reflect.Struct:
		fields := make(map[string]reflect.Value)
		collect(reflect.New(t).Elem(), fields)
		if len(fields) > few {
			return "a mapping"
		}
		var keys []string
		for k := range fields {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		return "a mapping with " + strings.Join(keys, ", ")
	case reflect.Map:
		return "a mapping"
	case reflect.Slice:
		return "a list, each line of it after a dash"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	}
	return "a number"
}
