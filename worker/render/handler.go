package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"brood/worker"
	"brood/worker/files"
	"brood/worker/render/inventory"
)

// A Handler renders documents. It keeps a descriptor of the templates' directory
// from Open on, and reads a template anew for each request that needs it.
type Handler struct {
	options   Options
	documents []*document
	vars      map[string]any
	machines  *inventory.Table // nil: there is no inventory
	templates *files.Handler
}

// Open returns a Handler. machines is the table of the inventory; nil means that
// there is none, and every document is rendered for whoever asks.
//
// It fails when the directory can't be read or the options hold a mistake. Open
// reads no template and compiles no expression, because each worker would at its
// start: see Check.
func Open(o Options, machines *inventory.Table) (*Handler, error) {
	if o.MaxSize == 0 {
		o.MaxSize = defaultMaxSize
	}
	var errs []error
	if o.MaxSize < 0 {
		errs = append(errs, fmt.Errorf("max-size %d: want bytes, or 0 for 4 MiB", o.MaxSize))
	}
	h := &Handler{options: o, machines: machines}
	for i, d := range o.Documents {
		doc, err := newDocument(d, &o)
		if err != nil {
			errs = append(errs, fmt.Errorf("document %d: %w", i+1, err))
		}
		h.documents = append(h.documents, doc)
	}
	var err error
	if h.vars, err = inventory.Variables(o.Vars); err != nil {
		errs = append(errs, err)
	}
	if h.templates, err = files.Open(o.Templates); err != nil {
		errs = append(errs, fmt.Errorf("templates: %w", err))
	}
	if err := errors.Join(errs...); err != nil {
		if h.templates != nil {
			h.templates.Close()
		}
		return nil, fmt.Errorf("render: %w", err)
	}
	return h, nil
}

// Close gives the directory's descriptor back. A worker need not: it ends with it.
func (h *Handler) Close() error { return h.templates.Close() }

// Open returns the document that the request asks for, as a whole: its size is
// known. The error is fs.ErrNotExist for a name that no document has and for a
// machine that the inventory has not; for whatever goes wrong with a template it
// is a *protocol.Error, ERROR 0, and says where.
func (h *Handler) Open(ctx context.Context, req *worker.Request) (worker.Response, error) {
	text, err := h.render(ctx, req)
	if err != nil {
		// Quoted, because the name is a stranger's bytes and this goes to a log.
		return nil, fmt.Errorf("render %q: %w", req.File, err)
	}
	return worker.Bytes([]byte(text)), nil
}

func (h *Handler) render(ctx context.Context, req *worker.Request) (string, error) {
	c, err := h.choose(req.File)
	if err != nil {
		return "", err
	}
	asking := clientOf(req)
	m, key, err := h.machine(c, asking)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.unknown != "":
		c.asked = c.asked && c.unknown == c.template
		c.template = c.unknown
	case errors.Is(err, fs.ErrNotExist):
		return "", err
	case err != nil:
		return "", &fault{err}
	}
	s := newSet(ctx, h)
	text, err := s.execute(c.template, h.data(c, m, key, asking, req))
	switch {
	case err == nil:
		return text, nil
	case c.asked && !s.loaded(c.template) && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)):
		return "", err // as package files has it
	case m != nil:
		err = fmt.Errorf("for %s: %w", nameOf(m), err)
	}
	return "", &fault{err}
}
