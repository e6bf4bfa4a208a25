package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/vmihailenco/msgpack/v5"

	"brood/worker"
)

// Compiled is a Document as broodctl gives it to brood.
type Compiled struct {
	Server    []Setting
	ReadPaths []string            // of the content; the root's are in Server
	Sandbox   worker.SandboxLevel // the loosest that the content needs
	Worker    []byte              // for NewHandler; empty: no content
}

// magic begins what Encode returns. Its number changes with the form.
const magic = "brood configuration 1\n"

// Encode is what broodctl prints.
func (c *Compiled) Encode() ([]byte, error) {
	b, err := marshal(c)
	return append([]byte(magic), b...), err
}

// Decode reads what broodctl has printed.
func Decode(b []byte) (*Compiled, error) {
	b, ok := bytes.CutPrefix(b, []byte(magic))
	if !ok {
		return nil, errors.New("broodctl does not speak as this brood does: install both from the same release")
	}
	c := new(Compiled)
	if err := unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("broodctl's answer: %w", err)
	}
	return c, nil
}

// Compile compiles a document in which Check finds nothing and whose paths are
// absolute.
func (d *Document) Compile() (*Compiled, error) {
	c := &Compiled{Server: Settings(&d.Server)}
	if len(d.Content) == 0 {
		return c, nil
	}
	err := c.serve(d.Served)
	return c, err
}

// Settle says what the server's part is when flags have had their say, too, and makes
// its root what is served, if it has one. Paths of flags are relative to base.
func (c *Compiled) Settle(base string, flags []Setting) (*Server, error) {
	d := new(Document)
	s := &d.Server
	for _, said := range [][]Setting{c.Server, flags} {
		if err := s.Apply(said); err != nil {
			return nil, err
		}
	}
	d.Resolve(base)
	switch {
	case s.Root != "" && len(c.Worker) > 0:
		return nil, errors.New("--root, and content in the file: say one of them")
	case s.Root == "" && len(s.Follow) > 0:
		return nil, errors.New("--follow without a root")
	case s.Root == "" && len(c.Worker) == 0:
		return nil, errors.New("--root DIR is missing: what is to be served? (or content in a file: --config FILE)")
	case s.Root != "":
		return s, c.serve(plain(s))
	}
	return s, nil
}

// serve fills in what there is to say about the content.
func (c *Compiled) serve(s Served) (err error) {
	c.ReadPaths, c.Sandbox = nil, worker.SandboxStrict
	var h head
	for _, name := range slices.Sorted(maps.Keys(s.Content)) {
		src := s.Content[name]
		k := kindOf(src.Kind)
		for _, p := range k.paths(src.Options) {
			c.ReadPaths = append(c.ReadPaths, *p)
		}
		c.Sandbox = max(c.Sandbox, k.level)
		options, err := marshal(src.Options)
		if err != nil {
			return fmt.Errorf("content %s: %w", name, err)
		}
		if name == s.Default {
			h.Default = len(h.Handlers)
		}
		h.Handlers = append(h.Handlers, part{Name: name, Kind: src.Kind, Options: options})
	}
	c.Worker, err = h.append(nil)
	return err
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	e.SetCustomStructTag("yaml") // one tag for every form
	e.SetOmitEmpty(true)
	err := e.Encode(v)
	return b.Bytes(), err
}

func unmarshal(b []byte, v any) error {
	d := msgpack.NewDecoder(bytes.NewReader(b))
	d.SetCustomStructTag("yaml")
	d.DisallowUnknownFields(true)
	return d.Decode(v)
}
