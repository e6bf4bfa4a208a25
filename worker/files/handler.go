package files

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"brood/worker"
	"brood/worker/internal/name"
)

// A Handler serves the regular files below one directory. It keeps a descriptor
// of it, and of each follow tree, from Open on: a tree that is renamed is served
// on, one that is replaced is not seen.
type Handler struct {
	trees []*tree // the root, then the follow trees
}

// Open returns a Handler that serves the files under root. Links may also lead
// into the follow trees; requests can't name those.
//
// It fails when one of these is not a directory that this process may read and
// enter; the error names it and says what to do. An empty root is an error, too:
// it would mean whatever the working directory happens to be.
func Open(root string, follow ...string) (*Handler, error) {
	h := new(Handler)
	for i, dir := range append([]string{root}, follow...) {
		role := "follow tree"
		if i == 0 {
			role = "root"
		}
		t, err := openTree(dir)
		if err != nil {
			h.Close()
			return nil, fmt.Errorf("files: %s %q: %w", role, dir, err)
		}
		h.trees = append(h.trees, t)
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
	resp, err := h.open(req.File)
	if err != nil {
		// Quoted, because the name is a stranger's bytes and this goes to a log.
		return nil, fmt.Errorf("open %q: %w", req.File, err)
	}
	return resp, nil
}

func (h *Handler) open(file string) (worker.Response, error) {
	parts, ok := name.Split(file)
	if !ok {
		return nil, errDirectory
	}
	// A plain file, or one behind relative links inside the root, is os.Root's
	// work alone. The walk costs a look at each part of the name, so it is for
	// the links that os.Root doesn't take.
	f, err := h.trees[0].open(strings.Join(parts, "/"))
	if rootGaveUp(err) {
		f, err = h.walk(parts)
	}
	if err != nil {
		return nil, explain(err)
	}
	resp, err := worker.File(f)
	if err != nil {
		return nil, explain(err)
	}
	return resp, nil
}
