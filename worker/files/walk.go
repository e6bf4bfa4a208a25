package files

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// maxLinks is how many links the kernel follows for one name (path_resolution(7)).
const maxLinks = 40

// A place is a directory in a tree. dir holds its parts and no link, unless
// somebody put one there since; os.Root then decides anew.
type place struct {
	tree *tree
	dir  []string
}

// path returns the path of name in p, for the tree's os.Root.
func (p place) path(name string) string {
	return strings.Join(append(slices.Clip(p.dir), name), "/")
}

// walk opens the regular file that parts lead to from the root, following each
// link itself: os.Root refuses absolute links and those that climb out, whether
// or not they lead to a place that may be served, and gives up after eight.
func (h *Handler) walk(parts []string) (*os.File, error) {
	var (
		at    = place{tree: h.trees[0]}
		todo  = parts
		asked = len(parts) // how many parts at the end of todo are the request's own
		links = 0
	)
	for len(todo) > 0 {
		part, isAsked := todo[0], len(todo) <= asked
		todo = todo[1:]
		asked = min(asked, len(todo))

		switch {
		case part == "" || part == ".":
			continue
		case part == ".." && len(at.dir) > 0:
			at.dir = at.dir[:len(at.dir)-1]
			continue
		case part == ".." && isAsked:
			return nil, refused("climbs above %q", at.tree.real)
		case part == "..":
			fromLink, own := todo[:len(todo)-asked], todo[len(todo)-asked:]
			next, rest, ok := h.enter(path.Dir(at.tree.real), fromLink)
			if !ok {
				return nil, refused("a link climbs from %q to %q, outside the root and the follow trees",
					at.tree.real, path.Join(path.Dir(at.tree.real), path.Join(fromLink...)))
			}
			at, todo = next, slices.Concat(rest, own)
			continue
		}

		name := at.path(part)
		info, err := at.tree.root.Lstat(name)
		if err != nil {
			return nil, err
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return nil, syscall.ELOOP
			}
			target, err := at.tree.root.Readlink(name)
			if err != nil {
				return nil, err
			}
			rest := strings.Split(target, "/")
			if path.IsAbs(target) {
				var ok bool
				if at, rest, ok = h.absolute(target); !ok {
					return nil, refused("link %q leads to %q, outside the root and the follow trees", name, target)
				}
			}
			todo = slices.Concat(rest, todo)
		case info.IsDir():
			at.dir = append(at.dir, part)
		case len(todo) > 0:
			return nil, syscall.ENOTDIR
		default:
			return at.tree.open(name)
		}
	}
	return nil, errDirectory
}

// absolute returns the place that an absolute link leads into and the parts to
// follow from there.
func (h *Handler) absolute(target string) (at place, rest []string, ok bool) {
	parts := strings.Split(target, "/")
	if at, rest, ok = h.enter("/", parts); ok {
		return at, rest, true
	}
	// As in a chroot, which is what the link's author may have had (tftpd -s).
	// It opens nothing that a request couldn't name. The first part decides,
	// so that a link to /etc/passwd is refused for what it is and isn't
	// reported as a file missing from the root.
	root := h.trees[0]
	if first, _, _ := strings.Cut(strings.TrimLeft(target, "/"), "/"); first != "" {
		if _, err := root.root.Lstat(first); err != nil {
			return place{}, nil, false
		}
	}
	return place{tree: root}, parts, true
}

// enter follows parts from the absolute path abs as far as the first place in a
// tree, and returns that and the parts that remain. Up to there it is a matter
// of text: nothing outside the trees is looked at.
func (h *Handler) enter(abs string, parts []string) (at place, rest []string, ok bool) {
	for {
		for _, t := range h.trees {
			if in, ok := t.below(abs); ok {
				return place{tree: t, dir: strings.FieldsFunc(in, func(r rune) bool { return r == '/' })}, parts, true
			}
		}
		if len(parts) == 0 {
			return place{}, nil, false
		}
		abs, parts = path.Join(abs, parts[0]), parts[1:]
	}
}
