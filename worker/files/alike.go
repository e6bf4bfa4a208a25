package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// maxFolded is how many parts of one name are looked for in other case. Each may
// cost the reading of a directory, and a name of 2,000 bytes can have hundreds.
const maxFolded = 16

// alike returns which name in p is like part but for the case of letters: the one
// in small letters, or the first in byte order; "" if there is none.
func (p place) alike(part string) (name string, err error) {
	// That one first because it is the usual one, and spares reading a directory,
	// of which no more than the names are needed and each request needs them anew.
	small := lower(part)
	if small != part {
		if _, err := p.tree.root.Lstat(p.path(small)); !errors.Is(err, fs.ErrNotExist) {
			return small, nil // whatever else is wrong with it, who opens it will see
		}
	}
	path := "."
	if len(p.dir) > 0 {
		path = strings.Join(p.dir, "/")
	}
	dir, err := p.tree.root.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(1024)
		for _, n := range names {
			if len(n) == len(small) && (name == "" || n < name) && lower(n) == small {
				name = n
			}
		}
		if err == io.EOF {
			return name, nil
		}
		if err != nil {
			return "", err
		}
	}
}

// lower folds A to Z and nothing else: names are bytes, and need not be UTF-8.
func lower(name string) string {
	for i := range len(name) {
		if c := name[i]; 'A' <= c && c <= 'Z' {
			b := []byte(name)
			for ; i < len(b); i++ {
				if c := b[i]; 'A' <= c && c <= 'Z' {
					b[i] = c + ('a' - 'A')
				}
			}
			return string(b)
		}
	}
	return name
}
