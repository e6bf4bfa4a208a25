package origin

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"brood/worker/internal/name"
)

// Path returns the path below an origin's URL that a name stands for, not escaped
// yet. Worker and helper both go by it. Its errors are fs.ErrPermission.
func Path(file string) (string, error) {
	parts, ok := name.Split(file)
	switch {
	case strings.Contains(file, "\x00"):
		return "", fmt.Errorf("%w: the name holds a NUL", fs.ErrPermission)
	case slices.Contains(parts, ".."):
		return "", fmt.Errorf("%w: the name leads upwards", fs.ErrPermission)
	case !ok:
		return "", fmt.Errorf("%w: the name is a directory's", fs.ErrPermission)
	}
	return strings.Join(parts, "/"), nil
}
