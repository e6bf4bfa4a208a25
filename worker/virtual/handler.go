package virtual

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"time"

	"brood/worker"
	"brood/worker/internal/name"
)

// A Handler serves what its Options hold.
type Handler struct {
	files   map[string]content
	version string
	now     func() time.Time
}

// content is one file. Base64 is decoded for who asks: a worker has one request
// to answer, and is born for each.
type content struct {
	text    string
	encoded bool
	health  bool
}

// New returns a Handler for o, or all that is wrong with its names. A base64 text
// is looked at when it is asked for, and by Options.Check.
func New(o Options) (*Handler, error) {
	files, err := o.files()
	if err != nil {
		return nil, err
	}
	return &Handler{files: files, version: cmp.Or(o.Version, "unknown"), now: time.Now}, nil
}

// Open returns the content of the file that the request names.
func (h *Handler) Open(_ context.Context, req *worker.Request) (worker.Response, error) {
	key, err := name.Path(req.File)
	c, found := h.files[key]
	switch {
	case err != nil, !found:
		return nil, fmt.Errorf("open %q: %w", req.File, fs.ErrNotExist)
	case c.health:
		return worker.Bytes(fmt.Appendf(nil, "ok %s %s\n", h.version, h.now().UTC().Format(time.RFC3339))), nil
	case c.encoded:
		b, err := decode(c.text)
		if err != nil {
			return nil, fmt.Errorf("open %q: its base64 text in the configuration: %w", req.File, err)
		}
		return worker.Bytes(b), nil
	}
	return worker.Bytes([]byte(c.text)), nil
}
