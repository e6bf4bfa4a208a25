package inventory

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
)

// maxNesting is how deep maps and lists may lie in each other.
const maxNesting = 32

// normalize returns v as one of the types that a table holds: bool, int, uint64
// (above an int's range), float64, string, []any, map[string]any; and nil, where
// it is a map's value. Decoders of YAML, JSON and msgpack have types of their own
// for the same things.
func normalize(v any, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("is nested deeper than %d", maxNesting)
	}
	switch v := v.(type) {
	case nil, bool, int, string:
		return v, nil
	case interface { // json.Number
		Int64() (int64, error)
		Float64() (float64, error)
	}:
		if n, err := v.Int64(); err == nil {
			return int(n), nil
		}
		f, err := v.Float64()
		return f, err
	}
	rv := reflect.ValueOf(v)
	switch {
	case rv.CanInt():
		return int(rv.Int()), nil
	case rv.CanUint():
		if n := rv.Uint(); n > math.MaxInt {
			return n, nil
		}
		return int(rv.Uint()), nil
	case rv.CanFloat():
		if f := rv.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, errors.New("is no finite number")
		}
		return rv.Float(), nil
	}
	switch rv.Kind() {
	case reflect.Bool:
		return rv.Bool(), nil
	case reflect.String:
		return rv.String(), nil
	case reflect.Slice, reflect.Array:
		return normalizeList(rv, depth)
	case reflect.Map:
		return normalizeMap(rv, depth)
	}
	return nil, fmt.Errorf("is a %T, which is no text, number, list or map: quote it", v)
}

func normalizeList(rv reflect.Value, depth int) (any, error) {
	list := make([]any, rv.Len())
	for i := range list {
		item, err := normalize(rv.Index(i).Interface(), depth+1)
		if err == nil && item == nil {
			err = errors.New("is null: leave it out")
		}
		if err != nil {
			return nil, within("["+strconv.Itoa(i)+"]", err)
		}
		list[i] = item
	}
	return list, nil
}

func normalizeMap(rv reflect.Value, depth int) (any, error) {
	m := make(map[string]any, rv.Len())
	for it := rv.MapRange(); it.Next(); {
		key := it.Key()
		if key.Kind() == reflect.Interface {
			key = key.Elem()
		}
		if key.Kind() != reflect.String {
			return nil, fmt.Errorf("has the key %v, which is no text: quote it", key)
		}
		value, err := normalize(it.Value().Interface(), depth+1)
		if err != nil {
			return nil, within("."+key.String(), err)
		}
		m[key.String()] = value
	}
	return m, nil
}

// A valueError is what is wrong with a variable, and which one it is.
type valueError struct {
	path string // .network.vlan, .disks[1]
	err  error
}

func (e *valueError) Error() string { return e.path + " " + e.err.Error() }
func (e *valueError) Unwrap() error { return e.err }

func within(step string, err error) error {
	if ve, ok := errors.AsType[*valueError](err); ok {
		return &valueError{step + ve.path, ve.err}
	}
	return &valueError{step, err}
}
