package origin

import (
	"fmt"
	"io/fs"

	"brood/worker/internal/name"
)

// Path returns the path below an origin's URL that a name stands for, not escaped
// yet. Worker and helper both go by it. Its errors are fs.ErrPermission.
func Path(file string) (string, error) {
	path, err := name.Path(file)
	if err != nil {
		return "", fmt.Errorf("%w: %w", fs.ErrPermission, err)
	}
	return path, nil
}
