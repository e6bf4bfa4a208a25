// Package schema makes the JSON Schema of configuration files from the Go types and
// the comments of their fields. Like package comments it needs the source.
package schema

import (
	"encoding"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"brood/cmd/internal/comments"
	"brood/cmd/internal/config"
	"brood/worker"
)

// object is a schema.
type object = map[string]any

// maker makes one.
type maker struct {
	root string // of the module's source
	docs map[string]map[string][]comments.Field
	defs object
}

// Make returns the schema, given where the module's source is.
func Make(root string) ([]byte, error) {
	m := &maker{root: root, docs: make(map[string]map[string][]comments.Field), defs: object{}}
	s, err := m.structure(reflect.TypeFor[config.Document]())
	if err != nil {
		return nil, err
	}
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "brood configuration"
	if len(m.defs) > 0 {
		s["$defs"] = m.defs
	}
	b, err := json.MarshalIndent(s, "", "  ")
	return append(b, '\n'), err
}

// Types that are written as text, and how.
var texts = map[reflect.Type]object{
	reflect.TypeFor[config.Count]():    {"type": "integer", "minimum": 0},
	reflect.TypeFor[config.Duration](): {"type": "string", "pattern": `^([0-9.]+(ns|us|µs|ms|s|m|h))+$`},
	reflect.TypeFor[config.Span]():     {"type": []string{"string", "integer"}, "pattern": `^(0|([0-9.]+(ns|us|µs|ms|s|m|h))+)$`, "maximum": 0},
	reflect.TypeFor[config.Size]():     {"type": []string{"string", "integer"}, "pattern": `^[1-9][0-9]*(KiB|MiB|GiB|TiB)?$`, "minimum": 1},
	reflect.TypeFor[config.Account]():  {"type": []string{"string", "integer"}},
	reflect.TypeFor[time.Duration]():   {"type": "string", "pattern": `^-?(0|([0-9.]+(ns|us|µs|ms|s|m|h))+)$`},
	reflect.TypeFor[worker.Clamp]():    {"enum": []worker.Clamp{worker.ClampOn, worker.ClampOff}},
}

func (m *maker) of(t reflect.Type) (object, error) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	v := reflect.New(t).Interface()
	if s, ok := texts[t]; ok {
		return s, nil
	}
	if w, ok := v.(interface{ Words() []string }); ok {
		return object{"enum": w.Words()}, nil
	}
	if _, ok := v.(*config.Source); ok {
		return m.named(t, m.source)
	}
	if _, ok := v.(encoding.TextUnmarshaler); ok {
		return object{"type": "string"}, nil
	}
	switch t.Kind() {
	case reflect.Interface:
		return object{}, nil
	case reflect.Struct:
		return m.named(t, m.structure)
	case reflect.Slice:
		items, err := m.of(t.Elem())
		return object{"type": "array", "items": items}, err
	case reflect.Map:
		values, err := m.of(t.Elem())
		return object{"type": "object", "additionalProperties": values}, err
	case reflect.Bool:
		return object{"type": "boolean"}, nil
	case reflect.String:
		return object{"type": []string{"string", "number", "boolean"}}, nil // what YAML reads as these is text here
	case reflect.Int, reflect.Int64, reflect.Int32:
		return object{"type": "integer"}, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}, nil
	}
	return nil, fmt.Errorf("no schema for %v", t)
}

// named is a schema that others refer to by its type's name.
func (m *maker) named(t reflect.Type, of func(reflect.Type) (object, error)) (object, error) {
	name := strings.ReplaceAll(strings.TrimPrefix(t.String(), "config."), ".", "-")
	ref := object{"$ref": "#/$defs/" + name}
	if _, ok := m.defs[name]; ok {
		return ref, nil
	}
	m.defs[name] = object{} // it may refer to itself
	s, err := of(t)
	m.defs[name] = s
	return ref, err
}

// source is a handler of any kind.
func (m *maker) source(reflect.Type) (object, error) {
	kinds := object{}
	for _, kind := range (config.Source{}).Choices() {
		options, _ := new(config.Source).Choose(kind)
		s, err := m.of(reflect.TypeOf(options))
		if err != nil {
			return nil, err
		}
		kinds[kind] = s
	}
	return object{"type": "object", "properties": kinds, "additionalProperties": false, "minProperties": 1, "maxProperties": 1}, nil
}

func (m *maker) structure(t reflect.Type) (object, error) {
	properties := object{}
	err := m.collect(t, properties)
	return object{"type": "object", "properties": properties, "additionalProperties": false}, err
}

func (m *maker) collect(t reflect.Type, properties object) error {
	docs, err := m.comments(t)
	if err != nil {
		return err
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("yaml") == ",inline" {
			if err := m.collect(f.Type, properties); err != nil {
				return err
			}
			continue
		}
		key := config.Key(f)
		if key == "" {
			continue
		}
		s, err := m.of(f.Type)
		if err != nil {
			return fmt.Errorf("%v: %w", t, err)
		}
		at := slices.IndexFunc(docs, func(d comments.Field) bool { return d.Key == key })
		if at < 0 || docs[at].Doc == "" {
			return fmt.Errorf("%v: the field of %s has no comment", t, key)
		}
		properties[key] = described(s, docs[at])
	}
	return nil
}

// described is a schema with a field's comment.
func described(s object, doc comments.Field) object {
	d := object{}
	for k, v := range s {
		d[k] = v
	}
	text := comments.Plain(doc.Doc)
	if doc.Default != "" {
		text += " Default: " + comments.Plain(doc.Default) + "."
	}
	d["description"] = text
	if n, err := strconv.Atoi(doc.Default); err == nil && s["type"] == "integer" {
		d["default"] = n
	}
	return d
}

// comments are those of a struct's fields.
func (m *maker) comments(t reflect.Type) ([]comments.Field, error) {
	path := t.PkgPath()
	if m.docs[path] == nil {
		all, err := comments.Structs(filepath.Join(m.root, strings.TrimPrefix(path, "brood/")))
		if err != nil {
			return nil, err
		}
		m.docs[path] = all
	}
	return m.docs[path][t.Name()], nil
}
