package document

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"brood/worker/render/inventory"
)

// maxInclude is how long a file may be that a configuration names.
const maxInclude = 64 << 20

// reader reads what a configuration names.
type reader struct{}

// Inventory reads one file, or those of a directory whose names end as YAML's and
// JSON's do, and do not begin with a dot. JSON is YAML, too.
func (reader) Inventory(path string) (all []*inventory.File, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable(err)
	}
	paths := []string{path}
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, unreadable(err)
		}
		paths = nil
		for _, e := range entries {
			if slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(e.Name())) && e.Name()[0] != '.' {
				paths = append(paths, filepath.Join(path, e.Name()))
			}
		}
		if len(paths) == 0 {
			return nil, fmt.Errorf("%s: no .yaml, .yml or .json file is in this directory", path)
		}
	}
	var faults Faults
	for _, path := range paths {
		text, err := include(path)
		if err != nil {
			return nil, err
		}
		file := &inventory.File{Path: path}
		_, wrong := decode(path, text, file)
		all, faults = append(all, file), append(faults, wrong...)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return all, nil
}

func include(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxInclude+1))
	if err == nil && len(text) > maxInclude {
		err = fmt.Errorf("%s: it is longer than %d MiB", path, maxInclude>>20)
	}
	return text, err
}

// unreadable says who could not read what, as it is seldom the one who asks.
func unreadable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: uid %d, which reads what a configuration names, must be able to (chmod o+r, and o+x on the directories above)", err, os.Geteuid())
	}
	return err
}
