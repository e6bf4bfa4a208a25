package config

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"brood/worker/files"
	"brood/worker/route"
)

// Document is a configuration file.
type Document struct {
	Server `yaml:",inline"`
	Served `yaml:",inline"`
}

// Served is what is served to whom.
type Served struct {
	// Handlers, each under a name of its own that rules and `default` can use. Default:
	// one for `root`.
	Content map[string]Source `yaml:"content"`
	// Rules that are tried in their order, until one says what a request gets; `go doc
	// brood/worker/route` has all of it. Default: none.
	Rules []route.Rule `yaml:"rules"`
	// The handler that answers when no rule says another. Default: the only one of
	// `content`; if there are several, such requests are answered with ERROR 1.
	Default string `yaml:"default"`
	// Where what origins have is kept, if `content` has any. Default: its keys' defaults.
	Cache Cache `yaml:"cache"`
}

// Source is a handler: its kind, and a pointer to the options that this kind has.
type Source struct {
	Kind    string
	Options any
}

// Choose makes s one of a kind and returns its options, for whoever reads them.
func (s *Source) Choose(name string) (options any, ok bool) {
	k := kindOf(name)
	if k == nil {
		return nil, false
	}
	s.Kind, s.Options = name, k.new()
	return s.Options, true
}

// Choices are the kinds that there are.
func (Source) Choices() []string {
	var names []string
	for i := range kinds {
		names = append(names, kinds[i].name)
	}
	return names
}

// Elsewhere says that what the handler answers is not to be had where only files are:
// it runs programs, or fetches.
func (s Source) Elsewhere() bool { return kindOf(s.Kind).elsewhere }

// Sources are the handlers by their names, also that of a root.
func (d *Document) Sources() map[string]Source {
	if d.Root != "" {
		return map[string]Source{rootName: plain(&d.Server)}
	}
	return d.Content
}

// Fault is what is wrong with a Document, and the keys that lead there, with dots
// between them.
type Fault struct {
	Path string
	Err  error
}

func (f *Fault) Error() string { return f.Path + ": " + f.Err.Error() }
func (f *Fault) Unwrap() error { return f.Err }

// Resolve makes all paths absolute: in a file they are relative to its directory,
// and on a command line to the working directory.
func (d *Document) Resolve(base string) {
	absolute := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(base, *p)
		}
	}
	absolute((*string)(&d.Root))
	absolute((*string)(&d.Cache.Dir))
	absolute((*string)(&d.Admin))
	absolute((*string)(&d.HTTPToken))
	for i := range d.Follow {
		absolute((*string)(&d.Follow[i]))
	}
	for _, s := range d.Content {
		if k := kindOf(s.Kind); k != nil {
			for _, p := range k.paths(s.Options) {
				absolute(p)
			}
		}
	}
	clean := func(dir Dir) Dir { return Dir(filepath.Clean(string(dir))) }
	if d.Root != "" {
		d.Root = clean(d.Root)
	}
	for i, dir := range d.Follow {
		d.Follow[i] = clean(dir)
	}
}

// Check returns everything about what is served that can be told to be wrong
// without looking at this machine.
func (d *Document) Check() (faults []*Fault) {
	fault := func(path, format string, args ...any) {
		faults = append(faults, &Fault{path, fmt.Errorf(format, args...)})
	}
	if d.Root != "" && len(d.Content) > 0 {
		fault("root", "root and content: say one of them; root: DIR is the short form of content: {NAME: {files: {root: DIR}}}")
	}
	if d.Root == "" && len(d.Follow) > 0 {
		fault("follow", "follow without a root: in content it is a key of each files handler")
	}
	names := slices.Sorted(maps.Keys(d.Content))
	for _, name := range names {
		s := d.Content[name]
		path := "content." + name
		k := kindOf(s.Kind)
		if k == nil {
			fault(path, "want a handler: one of %s", strings.Join(s.Choices(), ", "))
			continue
		}
		if err := k.check(s.Options); err != nil {
			for _, err := range parts(err) {
				faults = append(faults, &Fault{path + "." + s.Kind, err})
			}
		}
	}
	if len(names) == 0 {
		names = []string{rootName}
	}
	if d.Default != "" && !slices.Contains(names, d.Default) {
		fault("default", "%q: no content has this name; want %s", d.Default, strings.Join(names, " or "))
	}
	if d.answers() == "" && len(names) > 1 && len(d.Rules) == 0 {
		fault("content", "default: which of %s answers?", strings.Join(names, ", "))
	}
	for i, r := range d.Rules {
		path := fmt.Sprintf("rules.%d", i)
		switch {
		case r.Handler == "" && (r.Deny || r.Error != nil || r.Then != "" && r.Then != "end"):
		case (r.Handler == "" || r.Handler == route.Default) && d.answers() == "" && len(d.Content) > 0:
			fault(path, "handler: want %s, because there is no default", strings.Join(names, " or "))
		case r.Handler != "" && r.Handler != route.Default && !slices.Contains(names, r.Handler):
			fault(path+".handler", "handler %q: no content has this name; want %s", r.Handler, strings.Join(names, " or "))
		}
	}
	return faults
}

// answers is the handler that answers when no rule says another, "" if none does.
func (d *Document) answers() string {
	_, named := d.Content[route.Default]
	switch {
	case d.Default != "":
		return d.Default
	case named:
		return route.Default
	case len(d.Content) == 1:
		for name := range d.Content {
			return name
		}
	}
	return ""
}

// parts are the errors that were joined into one.
func parts(err error) []error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()
	}
	return []error{err}
}

// rootName is what the handler of a root is called.
const rootName = "root"

// plain is the handler that a root and follow trees are short for.
func plain(s *Server) Source {
	o := &files.Options{Root: string(s.Root)}
	for _, dir := range s.Follow {
		o.Follow = append(o.Follow, string(dir))
	}
	return Source{"files", o}
}
