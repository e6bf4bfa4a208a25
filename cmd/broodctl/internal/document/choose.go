package document

import (
	"reflect"

	"go.yaml.in/yaml/v4"
)

// chooser is a value of several kinds: a mapping with one key, which says the kind.
type chooser interface {
	Choose(kind string) (options any, ok bool)
	Choices() []string
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
