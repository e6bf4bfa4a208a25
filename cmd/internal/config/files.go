package config

import (
	"errors"

	"brood/worker"
	"brood/worker/files"
)

type filesOptions struct {
	// The directory that is served; nothing outside it is ever opened. Required.
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
