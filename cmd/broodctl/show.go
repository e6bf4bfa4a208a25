package main

import (
	"bytes"
	"encoding"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v4"

	"brood/cmd/internal/config"
)

// show prints a document as a file that says the same. What is not said stands there
// as comments, with its default.
func show(w io.Writer, d *config.Document) error {
	server, err := shown(&d.Server)
	if err != nil {
		return failure{err}
	}
	served, err := shown(&d.Served)
	if err != nil {
		return failure{err}
	}
	if _, err := w.Write(append(server, served...)); err != nil {
		return failure{err}
	}
	return nil
}

// shown is what show prints of a part of a document.
func shown(part any) ([]byte, error) {
	var b bytes.Buffer
	v := reflect.ValueOf(part).Elem()
	for i := range v.NumField() {
		key := config.Key(v.Type().Field(i))
		if v.Field(i).IsZero() {
			fmt.Fprintf(&b, "# %s: %s\n", key, defaultOf(key))
			continue
		}
		text, err := yaml.Dump(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{plain(key), tree(v.Field(i))}})
		if err != nil {
			return nil, err
		}
		b.Write(text)
	}
	return b.Bytes(), nil
}

func plain(text string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: text}
	if text == "" {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// tree is the inverse of what package document does.
func tree(v reflect.Value) *yaml.Node {
	if s, ok := v.Interface().(config.Source); ok {
		return &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{plain(s.Kind), tree(reflect.ValueOf(s.Options))}}
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return plain("null")
		}
		return tree(v.Elem())
	case reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			n.Content = append(n.Content, tree(v.Index(i)))
		}
		return n
	case reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode}
		byText := make(map[string]reflect.Value)
		for _, key := range v.MapKeys() {
			byText[fmt.Sprint(key)] = v.MapIndex(key)
		}
		for _, key := range slices.Sorted(maps.Keys(byText)) {
			n.Content = append(n.Content, text(key), tree(byText[key]))
		}
		return n
	}
	if _, ok := v.Interface().(fmt.Stringer); ok {
		return plain(fmt.Sprint(v.Interface()))
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		b, _ := m.MarshalText()
		return text(string(b))
	}
	switch v.Kind() {
	case reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for i := range v.NumField() {
			if key := config.Key(v.Type().Field(i)); key != "" && !v.Field(i).IsZero() {
				n.Content = append(n.Content, plain(key), tree(v.Field(i)))
			}
		}
		return n
	case reflect.String:
		return text(v.String())
	}
	return plain(fmt.Sprint(v.Interface()))
}

// text is a string, with quotes where it would be read as something else.
func text(s string) *yaml.Node {
	n := new(yaml.Node)
	n.SetString(s)
	return n
}
