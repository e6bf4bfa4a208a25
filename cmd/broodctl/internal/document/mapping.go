package document

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"

	"brood/cmd/internal/config"
)

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
