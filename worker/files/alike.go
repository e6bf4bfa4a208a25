package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"brood/protocol"
)

// maxFolded is how many parts of one name are looked for in other case. Each may
// cost the reading of a directory, and a name of 2,000 bytes can have hundreds.
const maxFolded = 16

// alike returns which name in p is like part but for the case of letters: the one
// in small letters, or the first in byte order; "" if there is none.
func (p place) alike(part string) (name string, err error) {
	// That one first because it is the usual one, and spares reading a directory,
	// of which no more than the names are needed and each request needs them anew.
	small := protocol.Lower(part)
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
			if len(n) == len(small) && (name == "" || n < name) && protocol.Lower(n) == small {
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
