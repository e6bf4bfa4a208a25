package route

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"brood/worker"
)

// A Handler hands each request on to the handler that the rules say, under the
// name that they say.
type Handler struct {
	table    *table
	handlers map[string]worker.Handler

	mu      sync.Mutex
	regexps map[uint32]*regexp.Regexp // those that were needed so far
}

// Open returns a Handler for a table of Compile's, which must stay as it is. It
// reads little of it. handlers are those that rules name; "default" (Default)
// gets what no rule hands to another, and without it such a request is ERROR 1.
//
// It fails if the table is not one of this version's, or cut short, and if a rule
// names a handler that there is not.
func Open(b []byte, handlers map[string]worker.Handler) (*Handler, error) {
	t, err := readTable(b)
	if err != nil {
		return nil, err
	}
	var missing []string
	for i := range t.handlers.n {
		if name := t.handler(i); handlers[name] == nil && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("route: rules hand requests to %q, want a handler of each name", missing)
	}
	return &Handler{table: t, handlers: handlers, regexps: map[uint32]*regexp.Regexp{}}, nil
}

// Open asks the handler that the rules decide on for the files that they name, in
// their order, until one is there: only an error that Is fs.ErrNotExist leads to
// the next. That handler gets a copy of the request with the name changed and the
// rules' quirks set; req stays as it came, but for its Quirks, which become the
// rules' and the handler's own.
func (h *Handler) Open(ctx context.Context, req *worker.Request) (worker.Response, error) {
	d, err := h.Decide(req)
	if err != nil {
		return nil, err
	}
	if d.Err != nil {
		return nil, fmt.Errorf("route: %s: %w", d.who(), d.Err)
	}
	next := h.handlers[d.Handler]
	if next == nil {
		return nil, fmt.Errorf("route: %s hands requests to %q, which there is not", d.who(), d.Handler)
	}
	tried := 0
	for _, file := range d.Files {
		tried++
		inner := *req
		inner.File = file
		inner.Options = slices.Clone(req.Options)
		inner.Quirks = req.Quirks.And(d.Quirks)
		var resp worker.Response
		if resp, err = next.Open(ctx, &inner); err == nil {
			req.Quirks = req.Quirks.And(d.Quirks).And(inner.Quirks)
			return resp, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return nil, fmt.Errorf("route: %s, handler %q, %s: %w", d.who(), d.Handler, quoted(d.Files[:tried]), err)
}

// quoted are names for a log: they are a stranger's bytes.
func quoted(files []string) string {
	s := make([]string, len(files))
	for i, f := range files {
		s[i] = strconv.Quote(f)
	}
	return strings.Join(s, ", ")
}

// who is the rule in messages.
func (d *Decision) who() string {
	if d.Rule == 0 {
		return "no rule"
	}
	return title(d.Rule, d.Name)
}

// regexp compiles a regexp when it is first needed.
func (h *Handler) regexp(index uint32) *regexp.Regexp {
	h.mu.Lock()
	defer h.mu.Unlock()
	re, known := h.regexps[index]
	if !known {
		re = h.table.regexp(index)
		h.regexps[index] = re
	}
	return re
}
