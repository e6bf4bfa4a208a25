package render

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
)

// scalar returns what an action prints. where is the action, for errors.
func scalar(where string, v any) (string, error) {
	s, err := printable(v)
	if err != nil {
		return "", fmt.Errorf("{{%s}} %w", where, err)
	}
	return s, nil
}

// printable returns v as documents have it: 1000000, not 1e+06.
func printable(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case nil:
		return "", errors.New("has no value")
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	}
	switch reflect.ValueOf(v).Kind() {
	case reflect.Map:
		return "", errors.New("is a map: name a key of it, or use toJson")
	case reflect.Slice, reflect.Array:
		return "", errors.New("is a list: use join, range or toJson")
	}
	return fmt.Sprint(v), nil
}

// lookupOptional is .a.b where a or b may be missing.
func lookupOptional(v any, fields ...string) any {
	for _, f := range fields {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[f]
	}
	return v
}

// index is text/template's, but what is missing is an error: that one's would
// print nothing of it.
func index(v any, keys ...any) (any, error) {
	for _, k := range keys {
		switch in := v.(type) {
		case map[string]any:
			name, ok := k.(string)
			if !ok {
				return nil, fmt.Errorf("index of a map is %v, want text", k)
			}
			if v, ok = in[name]; !ok {
				return nil, fmt.Errorf("map has no entry for key %q", name)
			}
		case []any:
			i, ok := k.(int)
			if !ok {
				return nil, fmt.Errorf("index of a list is %v, want a number", k)
			}
			if i < 0 || i >= len(in) {
				return nil, fmt.Errorf("list has no item %d, only %d items", i, len(in))
			}
			v = in[i]
		default:
			return nil, fmt.Errorf("%T has no items", v)
		}
	}
	return v, nil
}

// indexOptional is index where what is missing is nil.
func indexOptional(v any, keys ...any) any {
	v, _ = index(v, keys...) // nil with an error
	return v
}

func exists(v any) bool { return v != nil }

func defaultTo(d, v any) any {
	if v == nil {
		return d
	}
	return v
}
