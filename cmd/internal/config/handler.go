package config

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"brood/ipc"
	"brood/worker"
	"brood/worker/route"
)

// The workers' part of a configuration is a head, with its length before it, and
// the tables that it refers to behind it. A worker decodes the head at its birth and
// looks the tables up where they are: all workers have the same pages.

// head says what a worker serves.
type head struct {
	Handlers []entry
	Default  string // the handler that answers when no rule says another; empty: none
	Rules    span   // the table of package route
}

// entry is one handler.
type entry struct {
	Name, Kind string
	Options    []byte
	Table      span
}

// span is a part of the tables.
type span struct{ Offset, Length int }

const headLength = 4

// image puts the workers' part together.
func (c *Compiled) image() ([]byte, error) {
	h := head{Default: c.Default}
	var tables []byte
	add := func(b []byte) span {
		s := span{len(tables), len(b)}
		tables = append(tables, b...)
		return s
	}
	for _, p := range c.Handlers {
		h.Handlers = append(h.Handlers, entry{p.Name, p.Kind, p.Options, add(p.Table)})
	}
	h.Rules = add(c.Rules)
	encoded, err := h.encode()
	if err != nil {
		return nil, err
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(encoded)))
	return append(append(b, encoded...), tables...), nil
}

var errCut = errors.New("the configuration is cut short")

func cutHead(b []byte) (h head, tables []byte, err error) {
	if len(b) < headLength {
		return h, nil, errCut
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	if b = b[headLength:]; n > uint64(len(b)) {
		return h, nil, errCut
	}
	h, err = decodeHead(b[:n])
	return h, b[n:], err
}

// The head is written and read field by field, and so are the options of the handler
// that a server with one directory has: to read them by reflection takes a worker
// longer than all else that its constructor does.

func (h *head) encode() ([]byte, error) {
	e := ipc.NewEncoder(3)
	e.Array(len(h.Handlers))
	for _, entry := range h.Handlers {
		e.Array(4)
		e.Text(entry.Name)
		e.Text(entry.Kind)
		e.Text(string(entry.Options))
		entry.Table.encode(e)
	}
	e.Text(h.Default)
	h.Rules.encode(e)
	return e.Bytes()
}

func decodeHead(b []byte) (h head, err error) {
	d := ipc.NewDecoder(b, 3)
	h.Handlers = make([]entry, d.Array())
	for i := range h.Handlers {
		if n := d.Array(); n != 4 {
			d.Keep(errCut)
		}
		h.Handlers[i] = entry{d.Text(), d.Text(), []byte(d.Text()), decodeSpan(d)}
	}
	h.Default = d.Text()
	h.Rules = decodeSpan(d)
	return h, d.End()
}

func (s span) encode(e *ipc.Encoder) {
	e.Array(2)
	e.Uint(uint64(s.Offset))
	e.Uint(uint64(s.Length))
}

func decodeSpan(d *ipc.Decoder) span {
	if n := d.Array(); n != 2 {
		d.Keep(errCut)
	}
	return span{int(d.Uint(math.MaxInt)), int(d.Uint(math.MaxInt))}
}

func (s span) of(tables []byte) ([]byte, error) {
	if s.Offset < 0 || s.Length < 0 || s.Offset > len(tables) || s.Length > len(tables)-s.Offset {
		return nil, errCut
	}
	return tables[s.Offset : s.Offset+s.Length : s.Offset+s.Length], nil
}

// Contents are what a worker serves.
type Contents struct {
	Handlers map[string]worker.Handler // by the names in the file
	Default  string                    // which answers when no rule says another; empty: none
	Rules    *route.Handler            // nil: there are none
}

// Open opens what a workers' part names.
func Open(b []byte, p Program) (*Contents, error) {
	h, tables, err := cutHead(b)
	if err != nil {
		return nil, err
	}
	c := &Contents{Handlers: make(map[string]worker.Handler, len(h.Handlers)), Default: h.Default}
	loosest := worker.SandboxStrict
	for _, e := range h.Handlers {
		if k := kindOf(e.Kind); k != nil {
			loosest = max(loosest, k.level)
		}
	}
	for _, e := range h.Handlers {
		if c.Handlers[e.Name], err = e.open(tables, p, loosest); err != nil {
			return nil, fmt.Errorf("content %s: %w", e.Name, err)
		}
	}
	if h.Default != "" && c.Handlers[h.Default] == nil {
		return nil, fmt.Errorf("content %s is to answer, and is not there", h.Default)
	}
	rules, err := h.Rules.of(tables)
	if err != nil || len(rules) == 0 {
		return c, err
	}
	named := make(map[string]worker.Handler, len(c.Handlers)+1)
	for name, handler := range c.Handlers {
		named[name] = handler
	}
	if h.Default != "" {
		named[route.Default] = c.Handlers[h.Default]
	}
	c.Rules, err = route.Open(rules, named)
	return c, err
}

func (e *entry) open(tables []byte, p Program, loosest worker.SandboxLevel) (worker.Handler, error) {
	k := kindOf(e.Kind)
	if k == nil {
		return nil, fmt.Errorf("no handler of the kind %q", e.Kind)
	}
	options := k.new()
	if err := k.decode(e.Options, options); err != nil {
		return nil, err
	}
	table, err := e.Table.of(tables)
	if err != nil {
		return nil, err
	}
	handler, err := k.open(options, table, p)
	if err == nil && k.level < loosest {
		handler = narrowed{k.level, handler}
	}
	return handler, err
}

// Check has handlers look at what they read when they are asked, such as templates,
// and returns all that is wrong.
func (c *Contents) Check() error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(c.Handlers)) {
		h := c.Handlers[name]
		if n, ok := h.(narrowed); ok {
			h = n.Handler
		}
		if checker, ok := h.(interface{ Check() error }); ok {
			if err := checker.Check(); err != nil {
				faults = append(faults, fmt.Errorf("content %s: %w", name, err))
			}
		}
	}
	return errors.Join(faults...)
}

// Handler is that of all requests.
func (c *Contents) Handler() (worker.Handler, error) {
	switch {
	case c.Rules != nil:
		return c.Rules, nil
	case c.Default != "":
		return c.Handlers[c.Default], nil
	}
	return nil, errors.New("no content is to answer")
}

// NewHandler is the constructor of brood's workers.
func NewHandler(p Program) func(config []byte) (worker.Handler, error) {
	return func(config []byte) (worker.Handler, error) {
		c, err := Open(config, p)
		if err != nil {
			return nil, err
		}
		return c.Handler()
	}
}

// narrowed is a handler that needs less than the worker was born with, because
// others need more.
type narrowed struct {
	level worker.SandboxLevel
	worker.Handler
}

func (n narrowed) Open(ctx context.Context, req *worker.Request) (worker.Response, error) {
	if err := worker.Narrow(n.level); err != nil {
		return nil, err
	}
	return n.Handler.Open(ctx, req)
}
