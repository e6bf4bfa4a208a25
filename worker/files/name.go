package files

import (
	"slices"
	"strings"
)

// splitName returns the parts of a requested name, without "." and empty ones;
// ".." stays, because what it means depends on the links before it. A name that
// can only be a directory's is refused.
func splitName(name string) ([]string, error) {
	parts := strings.FieldsFunc(name, isSeparator)
	if len(parts) == 0 || isSeparator(rune(name[len(name)-1])) {
		return nil, errDirectory
	}
	if last := parts[len(parts)-1]; last == "." || last == ".." {
		return nil, errDirectory
	}
	return slices.DeleteFunc(parts, func(part string) bool { return part == "." }), nil
}

func isSeparator(r rune) bool { return r == '/' || r == '\\' }
