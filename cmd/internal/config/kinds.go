package config

import (
	"errors"
	"path/filepath"
	"strings"

	"brood/worker"
	"brood/worker/exec"
	"brood/worker/files"
	"brood/worker/origin"
	"brood/worker/render"
	"brood/worker/render/inventory"
	"brood/worker/virtual"
)

// kind is a handler that a configuration can name: all that the rest of brood has
// to know of it.
type kind struct {
	name string     // its key
	new  func() any // a pointer to its options
	// level is what it needs of the sandbox.
	level worker.SandboxLevel
	// check finds what is wrong with options as such.
	check func(options any) error
	// paths are all that the options name; relative ones are made absolute.
	paths func(options any) []*string
	// reads are those of them that workers must be able to read.
	reads func(options any) []string
	// told is what workers are told of the options; nil: all of them.
	told func(options any) any
	// elsewhere says that the answer is not to be had where only files are.
	elsewhere bool
	// table is made once of what is large; nil where nothing is.
	table func(options any, r Reader) ([]byte, error)
	open  func(options any, table []byte, p Program) (worker.Handler, error)
}

// Program is what handlers are told of the program that they are in.
type Program struct {
	Release string // one word
}

// Reader is what broodctl knows and brood does not.
type Reader interface {
	// Inventory reads what a file says about machines, or all files of a directory.
	Inventory(path string) ([]*inventory.File, error)
	// Fetcher returns what the helper is told that fetches from origins.
	Fetcher(Cache, []origin.Options) ([]byte, error)
}

func kindOf(name string) *kind {
	for i := range kinds {
		if kinds[i].name == name {
			return &kinds[i]
		}
	}
	return nil
}

var kinds = []kind{
	{
		name:  "exec",
		new:   func() any { return new(exec.Options) },
		level: worker.SandboxExec, elsewhere: true,
		check: func(o any) error { return o.(*exec.Options).Check() },
		paths: func(o any) []*string { return ownPrograms(o.(*exec.Options)) },
		reads: func(o any) []string { return absolute(o.(*exec.Options).Command) },
		open:  func(o any, _ []byte, _ Program) (worker.Handler, error) { return exec.New(*o.(*exec.Options)) },
	},
	{
		name:  "files",
		new:   func() any { return new(files.Options) },
		check: func(o any) error { return o.(*files.Options).Check() },
		paths: func(o any) []*string { return directories(o.(*files.Options)) },
		reads: func(o any) []string { return o.(*files.Options).ReadPaths() },
		open:  func(o any, _ []byte, _ Program) (worker.Handler, error) { return files.New(*o.(*files.Options)) },
	},
	{
		name: "origin", elsewhere: true,
		new:   func() any { return new(origin.Options) },
		check: func(o any) error { return o.(*origin.Options).Check() },
		paths: func(o any) []*string {
			p := o.(*origin.Options)
			return []*string{&p.CAFile, &p.CertFile, &p.KeyFile, &p.BasicFile, &p.BearerFile, &p.HeaderFile}
		},
		reads: func(any) []string { return nil }, // these are the helper's
		told:  func(o any) any { return o.(*origin.Options).ForWorkers() },
		open:  func(o any, _ []byte, _ Program) (worker.Handler, error) { return origin.New(*o.(*origin.Options)) },
	},
	{
		name:  "render",
		new:   func() any { return new(render.Options) },
		check: func(o any) error { return checkRender(o.(*render.Options)) },
		paths: func(o any) []*string {
			r := o.(*render.Options)
			return []*string{&r.Templates, &r.Inventory}
		},
		reads: func(o any) []string { return []string{o.(*render.Options).Templates} },
		table: func(o any, r Reader) ([]byte, error) { return machines(o.(*render.Options), r) },
		open: func(o any, table []byte, _ Program) (worker.Handler, error) {
			return openRender(o.(*render.Options), table)
		},
	},
	{
		name:  "virtual",
		new:   func() any { return new(virtual.Options) },
		check: func(o any) error { return o.(*virtual.Options).Check() },
		paths: func(any) []*string { return nil },
		reads: func(any) []string { return nil },
		open: func(o any, _ []byte, p Program) (worker.Handler, error) {
			v := o.(*virtual.Options)
			v.Version = p.Release
			return virtual.New(*v)
		},
	},
}

func directories(o *files.Options) []*string {
	all := []*string{&o.Root}
	for _, dirs := range [][]string{o.Roots, o.Follow} {
		for i := range dirs {
			all = append(all, &dirs[i])
		}
	}
	return all
}

func checkRender(o *render.Options) error {
	if o.Templates == "" {
		return errors.New("templates is missing: which directory?")
	}
	_, err := inventory.Variables(o.Vars)
	return err
}

func machines(o *render.Options, r Reader) ([]byte, error) {
	if o.Inventory == "" {
		return nil, nil
	}
	all, err := r.Inventory(o.Inventory)
	if err != nil {
		return nil, err
	}
	return inventory.Compile(all...)
}

func openRender(o *render.Options, table []byte) (worker.Handler, error) {
	if len(table) == 0 {
		return render.Open(*o, nil)
	}
	t, err := inventory.Open(table)
	if err != nil {
		return nil, err
	}
	return render.Open(*o, t)
}

// ownPrograms is a command that is named by a path. One without a slash is none: PATH
// is not searched.
func ownPrograms(o *exec.Options) []*string {
	if len(o.Command) == 0 || !strings.Contains(o.Command[0], "/") {
		return nil
	}
	return []*string{&o.Command[0]}
}

// absolute are the words of a command that may be files which it needs.
func absolute(command []string) (all []string) {
	for _, word := range command {
		if filepath.IsAbs(word) {
			all = append(all, word)
		}
	}
	return all
}
