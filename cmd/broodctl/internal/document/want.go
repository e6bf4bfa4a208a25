package document

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

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
