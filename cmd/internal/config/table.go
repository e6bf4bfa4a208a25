package config

import (
	"fmt"
	"reflect"
)

// Setting is one line of a table: a key and the texts of its values.
type Setting struct {
	Key    string
	Values []string
}

// Settings are the fields of a Server that are not at their defaults, in their order.
func Settings(s *Server) (all []Setting) {
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		if f.IsZero() {
			continue
		}
		set := Setting{Key: Key(v.Type().Field(i))}
		if f.Kind() == reflect.Slice {
			for j := range f.Len() {
				set.Values = append(set.Values, fmt.Sprint(f.Index(j)))
			}
		} else {
			set.Values = []string{fmt.Sprint(f)}
		}
		all = append(all, set)
	}
	return all
}

// Apply says settings over what there is: a list takes the place of a list.
func (s *Server) Apply(all []Setting) error {
	v := reflect.ValueOf(s).Elem()
	fields := make(map[string]*flagValue)
	for i := range v.NumField() {
		fields[Key(v.Type().Field(i))] = &flagValue{field: v.Field(i)}
	}
	for _, set := range all {
		f, ok := fields[set.Key]
		if !ok {
			return fmt.Errorf("setting %q is not known", set.Key)
		}
		for _, text := range set.Values {
			if err := f.Set(text); err != nil {
				return fmt.Errorf("%s: %w", set.Key, err)
			}
		}
	}
	return nil
}
