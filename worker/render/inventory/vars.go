package inventory

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Variables returns vars with the types that a machine's variables have in a
// table: bool, int, uint64 (above an int's range), float64, string, []any and
// map[string]any; and nil for null, which Merge acts upon. An error names each
// variable that can't be one.
func Variables(vars map[string]any) (map[string]any, error) {
	normal := make(map[string]any, len(vars))
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		v, err := normalize(vars[name], 1)
		switch {
		case slices.Contains(Reserved[:], name):
			errs = append(errs, fmt.Errorf("variable .%s: the name is taken: documents use it for what is no variable", name))
		case err != nil:
			errs = append(errs, fmt.Errorf("variable %w", within("."+name, err)))
		default:
			normal[name] = v
		}
	}
	return normal, errors.Join(errs...)
}

// Merge returns the variables of all layers, each over those before it: maps are
// merged, everything else is replaced, and nil takes away. The result shares no
// map with the layers.
func Merge(layers ...map[string]any) map[string]any {
	all := map[string]any{}
	for _, layer := range layers {
		merge(all, layer)
	}
	return all
}

func merge(under, over map[string]any) {
	for key, v := range over {
		switch v := v.(type) {
		case nil:
			delete(under, key)
		case map[string]any:
			// Also where nothing is below: there may be a nil in it.
			m, ok := under[key].(map[string]any)
			if !ok {
				m = make(map[string]any, len(v))
				under[key] = m
			}
			merge(m, v)
		default:
			under[key] = v
		}
	}
}
