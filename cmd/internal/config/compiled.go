package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vmihailenco/msgpack/v5"

	"brood/worker"
	"brood/worker/origin"
	"brood/worker/route"
)

// Compiled is a Document as broodctl gives it to brood.
type Compiled struct {
	Server   []Setting
	Handlers []Part // of content; none: it is root that is served
	Default  string // of them answers when no rule says another; empty: none
	Rules    []byte // the table of package route; empty: no rules
	Fetcher  []byte // what `broodctl origin` is told; empty: nothing is fetched
	Cache    string // its directory

	Served []byte // the part of the file that says what is served, for operators
}

// Part is one handler.
type Part struct {
	Name, Kind string
	Options    []byte
	Table      []byte // of what is large in it
	Reads      []string
}

// Result is what the supervisor is given.
type Result struct {
	Server    Server
	Worker    []byte // for NewHandler
	ReadPaths []string
	Sandbox   worker.SandboxLevel // the loosest that a handler needs
	Fetcher   []byte              // what `broodctl origin` is told; empty: it is not needed
	Cache     string
}

// magic begins what Encode returns. Its number changes with the form.
const magic = "brood configuration 2\n"

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
func (d *Document) Compile(reader Reader) (c *Compiled, faults []*Fault) {
	c = &Compiled{Server: Settings(&d.Server), Default: d.answers()}
	for _, name := range slices.Sorted(maps.Keys(d.Content)) {
		p, err := compile(name, d.Content[name], reader)
		if err != nil {
			for _, err := range parts(err) {
				faults = append(faults, &Fault{"content." + name + "." + d.Content[name].Kind, err})
			}
		}
		c.Handlers = append(c.Handlers, p)
	}
	if origins := d.origins(); len(origins) > 0 {
		cache := d.Cache
		cache.Dir = cmp.Or(cache.Dir, defaultCache)
		var err error
		if c.Fetcher, err = reader.Fetcher(cache, origins); err != nil {
			for _, err := range parts(err) {
				faults = append(faults, &Fault{"cache", err})
			}
		}
		c.Cache = string(cache.Dir)
	}
	if len(d.Rules) > 0 {
		var err error
		if c.Rules, err = route.Compile(d.Rules); err != nil {
			faults = append(faults, ruleFaults(err)...)
		}
	}
	return c, faults
}

// origins are all that content names.
func (d *Document) origins() (all []origin.Options) {
	for _, name := range slices.Sorted(maps.Keys(d.Content)) {
		if o, ok := d.Content[name].Options.(*origin.Options); ok {
			all = append(all, *o)
		}
	}
	return all
}

func compile(name string, s Source, reader Reader) (p Part, err error) {
	k := kindOf(s.Kind)
	p = Part{Name: name, Kind: s.Kind, Reads: k.reads(s.Options)}
	if k.table != nil {
		if p.Table, err = k.table(s.Options, reader); err != nil {
			return p, err
		}
	}
	told := s.Options
	if k.told != nil {
		told = k.told(told)
	}
	p.Options, err = k.encode(told)
	return p, err
}

// ruleFaults says where in the document a rule is wrong.
func ruleFaults(err error) (faults []*Fault) {
	for _, err := range parts(err) {
		path := "rules"
		var wrong *route.RuleError
		if errors.As(err, &wrong) {
			field := strings.NewReplacer("[", ".", "]", "").Replace(wrong.Field) // match.file[0]
			path = fmt.Sprintf("rules.%d.%s", wrong.Rule-1, field)
			err = fmt.Errorf("%s: %w", wrong.Field, wrong.Err)
		}
		faults = append(faults, &Fault{path, err})
	}
	return faults
}

// Settle says over the file what flags say, and puts together what the supervisor
// needs. Paths of flags are relative to base.
func (c *Compiled) Settle(base string, flags []Setting) (*Result, error) {
	var d Document
	for _, said := range [][]Setting{c.Server, flags} {
		if err := d.Server.Apply(said); err != nil {
			return nil, err
		}
	}
	d.Resolve(base)
	switch {
	case d.Root != "" && len(c.Handlers) > 0:
		return nil, errors.New("--root, and content in the file: say one of them")
	case d.Root == "" && len(d.Follow) > 0:
		return nil, errors.New("--follow without a root")
	case d.HTTPToken != "" && d.HTTP == "":
		return nil, errors.New("--http-token without --http: where is it to be used?")
	case d.Root == "" && len(c.Handlers) == 0:
		return nil, errors.New("--root DIR is missing: what is to be served? (or content in a file: --config FILE)")
	case d.Root != "":
		root, err := compile(rootName, plain(&d.Server), nil)
		if err != nil {
			return nil, err
		}
		c.Handlers, c.Default = []Part{root}, rootName
	}
	r := &Result{Server: d.Server, Fetcher: c.Fetcher, Cache: c.Cache}
	for _, p := range c.Handlers {
		k := kindOf(p.Kind)
		if k == nil {
			return nil, fmt.Errorf("content %s: no handler of the kind %q: install broodctl and brood from the same release", p.Name, p.Kind)
		}
		r.ReadPaths = append(r.ReadPaths, p.Reads...)
		r.Sandbox = max(r.Sandbox, k.level)
	}
	var err error
	r.Worker, err = c.image()
	return r, err
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	e.SetCustomStructTag("yaml") // one tag for every form
	e.SetOmitEmpty(true)
	e.SetSortMapKeys(true) // what says the same is the same
	err := e.Encode(v)
	return b.Bytes(), err
}

func unmarshal(b []byte, v any) error {
	d := msgpack.NewDecoder(bytes.NewReader(b))
	d.SetCustomStructTag("yaml")
	d.DisallowUnknownFields(true)
	return d.Decode(v)
}
