package files

import (
	"errors"
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

// is says whether p and q are the same place.
func (p place) is(q place) bool { return p.tree == q.tree && slices.Equal(p.dir, q.dir) }

// A walk is the way that a request's names are followed.
type walk struct {
	handler *Handler
	root    *tree // what a chroot's links mean by "/"
	top     place // where it begins, and above which no request may climb
	fold    bool  // case does not matter
	links   int   // that were followed
	folded  int   // parts that were looked for in other case
}

// walk opens the regular file that parts lead to below a root, or below the
// directory dir there.
func (h *Handler) walk(root *tree, dir, parts []string) (*os.File, error) {
	w := &walk{handler: h, root: root, top: place{tree: root}}
	if len(dir) > 0 {
		client, _, err := w.follow(slices.Concat(dir, []string{"."})) // no file has a "."
		if err != nil {
			return nil, err
		}
		w.top = client
	}
	w.fold = h.ignoreCase
	_, f, err := w.follow(parts)
	if err == nil && f == nil {
		err = errDirectory
	}
	return f, err
}

// follow follows parts from the top, and each link itself: os.Root refuses
// absolute links and those that climb out, whether or not they lead to a place
// that may be served, and gives up after eight. It returns the regular file that
// they lead to, opened, or the directory.
func (w *walk) follow(parts []string) (place, *os.File, error) {
	var (
		h     = w.handler
		at    = place{w.top.tree, slices.Clone(w.top.dir)} // a link may climb above it, and write there
		ahead = parts
		asked = len(parts) // how many parts at the end of ahead are the request's own
	)
	fail := func(err error) (place, *os.File, error) { return place{}, nil, err }
	for len(ahead) > 0 {
		part, isAsked := ahead[0], len(ahead) <= asked
		ahead = ahead[1:]
		asked = min(asked, len(ahead))

		switch {
		case part == "" || part == ".":
			continue
		case part == ".." && isAsked && (len(at.dir) == 0 || at.is(w.top)):
			return fail(refused("climbs above %q", path.Join(at.tree.real, at.path(""))))
		case part == ".." && len(at.dir) > 0:
			at.dir = at.dir[:len(at.dir)-1]
			continue
		case part == "..":
			fromLink, own := ahead[:len(ahead)-asked], ahead[len(ahead)-asked:]
			next, rest, ok := h.enter(path.Dir(at.tree.real), fromLink)
			if !ok {
				return fail(refused("a link climbs from %q to %q, outside the roots and the follow trees",
					at.tree.real, path.Join(path.Dir(at.tree.real), path.Join(fromLink...))))
			}
			at, ahead = next, slices.Concat(rest, own)
			continue
		}

		name := at.path(part)
		info, err := at.tree.root.Lstat(name)
		if w.fold && isAsked && errors.Is(err, fs.ErrNotExist) {
			if w.folded++; w.folded > maxFolded {
				return fail(syscall.ENAMETOOLONG)
			}
			other, lookErr := at.alike(part)
			if lookErr != nil {
				return fail(lookErr)
			}
			if other != "" {
				part, name = other, at.path(other)
				info, err = at.tree.root.Lstat(name)
			}
		}
		if err != nil {
			return fail(err)
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			if w.links++; w.links > maxLinks {
				return fail(syscall.ELOOP)
			}
			target, err := at.tree.root.Readlink(name)
			if err != nil {
				return fail(err)
			}
			rest := strings.Split(target, "/")
			if path.IsAbs(target) {
				var ok bool
				if at, rest, ok = h.absolute(w.root, target); !ok {
					return fail(refused("link %q leads to %q, outside the roots and the follow trees", name, target))
				}
			}
			ahead = slices.Concat(rest, ahead)
		case info.IsDir():
			at.dir = append(at.dir, part)
		case len(ahead) > 0:
			return fail(syscall.ENOTDIR)
		default:
			f, err := at.tree.open(name)
			return place{}, f, err
		}
	}
	return at, nil, nil
}

// absolute returns the place that an absolute link leads into and the parts to
// follow from there.
func (h *Handler) absolute(root *tree, target string) (at place, rest []string, ok bool) {
	parts := strings.Split(target, "/")
	if at, rest, ok = h.enter("/", parts); ok {
		return at, rest, true
	}
	// As in a chroot, which is what the link's author may have had (tftpd -s).
	// It opens nothing that a request couldn't name. The first part decides,
	// so that a link to /etc/passwd is refused for what it is and isn't
	// reported as a file missing from the root.
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
