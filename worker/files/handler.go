package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"brood/worker"
	"brood/worker/internal/name"
)

// A Handler serves the regular files below its roots. It keeps a descriptor of
// each, and of each follow tree, from New on: a tree that is renamed is served on,
// one that is replaced is not seen.
type Handler struct {
	roots      []*tree // in order
	trees      []*tree // the roots, then the follow trees
	clients    []pattern
	ignoreCase bool
}

// Open returns a Handler that serves the files under root. Links may also lead
// into the follow trees; requests can't name those. It is New for what most
// servers need.
func Open(root string, follow ...string) (*Handler, error) {
	return New(Options{Root: root, Follow: follow})
}

// New returns a Handler for o.
//
// It fails when one of the directories is none that this process may read and
// enter; the error names each such and says what to do. An empty root is an error,
// too: it would mean whatever the working directory happens to be.
func New(o Options) (*Handler, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	h := &Handler{ignoreCase: o.IgnoreCase}
	var faults []error
	for role, dirs := range o.trees() {
		for _, dir := range dirs {
			t, err := openTree(dir)
			if err != nil {
				faults = append(faults, fmt.Errorf("files: %s %q: %w", role, dir, err))
				continue
			}
			h.trees = append(h.trees, t)
		}
	}
	if faults != nil {
		h.Close()
		return nil, errors.Join(faults...)
	}
	h.roots = h.trees[:len(o.roots())]
	for _, text := range o.PerClient {
		p, _ := parsePattern(text) // which Check has tried
		h.clients = append(h.clients, p)
	}
	return h, nil
}

// Close gives the descriptors back. A worker need not: they end with it. What
// Handler.Open has returned stays readable.
func (h *Handler) Close() error {
	var errs []error
	for _, t := range h.trees {
		errs = append(errs, t.root.Close())
	}
	return errors.Join(errs...)
}

// Open returns the content of the file that the request names. It doesn't heed
// ctx, because no file system call can be called off: a share that hangs costs
// the worker its life at the deadline, which is what the worker is for.
func (h *Handler) Open(_ context.Context, req *worker.Request) (worker.Response, error) {
	resp, err := h.open(req)
	if err != nil {
		// Quoted, because the name is a stranger's bytes and this goes to a log.
		return nil, fmt.Errorf("open %q: %w", req.File, err)
	}
	return resp, nil
}

func (h *Handler) open(req *worker.Request) (worker.Response, error) {
	parts, ok := name.Split(req.File)
	if !ok {
		return nil, errDirectory
	}
	f, err := h.search(req, parts)
	if err != nil {
		return nil, explain(err)
	}
	resp, err := worker.File(f)
	if err != nil {
		return nil, explain(err)
	}
	return resp, nil
}

// search opens the first file that parts name, in the client's own directories
// and then in the roots. A refusal is an answer; only what is missing is looked
// for elsewhere.
func (h *Handler) search(req *worker.Request, parts []string) (f *os.File, err error) {
	if len(h.roots) == 1 && len(h.clients) == 0 {
		return h.find(h.roots[0], nil, parts)
	}
	for _, dir := range h.dirs(req) {
		for _, root := range h.roots {
			f, err = h.find(root, dir, parts)
			if err == nil || !missing(err) {
				return f, err
			}
		}
	}
	return nil, err
}

// dirs returns the directories of a root that are looked into, in their order.
func (h *Handler) dirs(req *worker.Request) (dirs [][]string) {
	for _, p := range h.clients {
		if dir, known := p.dir(req); known {
			dirs = append(dirs, dir)
		}
	}
	return append(dirs, nil)
}

// find opens the file that parts name in the directory dir of a root.
func (h *Handler) find(root *tree, dir, parts []string) (*os.File, error) {
	path := parts
	if len(dir) > 0 {
		if slices.Contains(parts, "..") { // which os.Root would let out of dir
			return h.walk(root, dir, parts)
		}
		path = slices.Concat(dir, parts)
	}
	// A plain file, or one behind relative links inside the root, is os.Root's
	// work alone. The walk costs a look at each part of the name, so it is for
	// the links that os.Root doesn't take, and for names in other case.
	f, err := root.open(strings.Join(path, "/"))
	if rootGaveUp(err) || h.ignoreCase && missing(err) {
		return h.walk(root, dir, parts)
	}
	return f, err
}
