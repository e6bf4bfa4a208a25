package config

import (
	"errors"

	"brood/worker"
	"brood/worker/files"
)

// kind is a handler that a configuration can name: all that the rest of brood has
// to know of it.
type kind struct {
	name string     // its key
	new  func() any // a pointer to its options
	// check finds what is wrong with options as such.
	check func(options any) error
	// paths are all that the options name, which workers must be able to read.
	paths func(options any) []*string
	// level is what it needs of the sandbox.
	level worker.SandboxLevel
	open  func(options any) (worker.Handler, error)
}

// of fills in a kind whose options are of one type.
func of[O any](name string, level worker.SandboxLevel, check func(*O) error, paths func(*O) []*string, open func(*O) (worker.Handler, error)) kind {
	return kind{
		name: name, level: level,
		new:   func() any { return new(O) },
		check: func(o any) error { return check(o.(*O)) },
		paths: func(o any) []*string { return paths(o.(*O)) },
		open:  func(o any) (worker.Handler, error) { return open(o.(*O)) },
	}
}

var kinds = []kind{
	of("files", worker.SandboxStrict, (*filesOptions).check, (*filesOptions).paths, (*filesOptions).open),
}

func kindOf(name string) *kind {
	for i := range kinds {
		if kinds[i].name == name {
			return &kinds[i]
		}
	}
	return nil
}

type filesOptions struct {
	// The directory that is served; nothing outside it is ever opened.
	Root string `yaml:"root"`
	// Further trees that symbolic links under the root may lead to. Default: none.
	Follow []string `yaml:"follow"`
}

func (o *filesOptions) check() error {
	if o.Root == "" {
		return errors.New("root is missing: which directory?")
	}
	return nil
}

func (o *filesOptions) paths() []*string {
	all := []*string{&o.Root}
	for i := range o.Follow {
		all = append(all, &o.Follow[i])
	}
	return all
}

func (o *filesOptions) open() (worker.Handler, error) { return files.Open(o.Root, o.Follow...) }
