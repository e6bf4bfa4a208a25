package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A tree is a directory that links may lead into; the root is one, too.
type tree struct {
	root *os.Root
	real string // absolute, links resolved: where a ".." at the top starts from
	path string // absolute, as given to Open: what links may call it as well
}

func openTree(dir string) (*tree, error) {
	if dir == "" {
		return nil, errNoDirectory
	}
	// Asked first, because os.OpenRoot opens whatever the path names, and would
	// wait for ever for a FIFO's writer.
	info, err := os.Stat(dir)
	if err != nil {
		return nil, explainTree(err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%w: name the directory that holds the files", syscall.ENOTDIR)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, explainTree(err)
	}
	t := &tree{root: root}
	// Opening asks for r alone. Looking inside asks for x: without this, the
	// mistake would show itself as a refusal of each file.
	if _, err = root.Lstat("."); err == nil {
		err = t.name(dir)
	}
	if err != nil {
		root.Close()
		return nil, explainTree(err)
	}
	return t, nil
}

// name fills in the paths by which links may mean the tree. They are names only:
// what lies there is always opened through t.root, whatever the paths lead to
// by then.
func (t *tree) name(dir string) error {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	if t.real, err = filepath.Abs(real); err != nil {
		return err
	}
	t.path, err = filepath.Abs(dir)
	return err
}

// explainTree says what an operator can do about a directory that can't be served.
func explainTree(err error) error {
	err = cause(err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: create it, or name another", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: uid %d can't enter it: it needs r and x there and x on every directory above (chmod o+rx), and a sandbox must let it in", err, os.Geteuid())
	}
	return err
}

// open opens a regular file by its path in the tree.
func (t *tree) open(path string) (*os.File, error) {
	// The look costs less than what an open can do to something else: wake a
	// FIFO's writer, rewind a tape, arm a watchdog.
	info, err := t.root.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, notServed(info.Mode())
	}
	return t.openUnseen(path)
}

// openUnseen opens whatever the path names, without waiting and without making
// a terminal ours. What it was is for worker.File to find out: O_NONBLOCK means
// nothing to a regular file, and the look in open may be out of date.
func (t *tree) openUnseen(path string) (*os.File, error) {
	return t.root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}

// below returns the path of abs in the tree, "" for the tree itself, if abs is
// one of its names or lies below one.
func (t *tree) below(abs string) (path string, ok bool) {
	for _, name := range [...]string{t.real, t.path} {
		if abs == name {
			return "", true
		}
		if !strings.HasSuffix(name, "/") { // it does for "/" only
			name += "/"
		}
		if path, ok = strings.CutPrefix(abs, name); ok {
			return path, true
		}
	}
	return "", false
}
