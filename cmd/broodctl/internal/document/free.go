package document

import (
	"reflect"

	"go.yaml.in/yaml/v4"
)

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
