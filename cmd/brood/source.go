package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"brood/cmd/internal/config"
	"brood/supervisor"
)

// source is where the configuration comes from: the arguments, and the file that
// they name, which is read anew at each reload.
type source struct {
	start config.Start
	flags []config.Setting
}

// errHelp says that the usage was asked for.
var errHelp = errors.New("help")

// argumentError is a mistake in the command line.
type argumentError struct{ error }

func parseArgs(args []string) (*source, error) {
	src := new(source)
	set := flag.NewFlagSet("serve", flag.ContinueOnError)
	set.SetOutput(io.Discard) // the error comes back; it is printed once
	config.Add(set, &src.start)
	config.Record(set, &src.flags)
	err := set.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil, errHelp
	case err != nil:
		// Package flag's words for a wrong value come before ours, and not wrapped.
		fault := regexp.MustCompile(`^invalid (?:boolean )?value "(?s:.*?)" for (?:flag )?-([a-z-]+): (".*)$`)
		return nil, errors.New(fault.ReplaceAllString(err.Error(), "--$1 $2"))
	case set.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	return src, nil
}

// load returns what is to be in force.
func (src *source) load() (*config.Server, supervisor.Options, error) {
	c := new(config.Compiled)
	if src.start.Config != "" {
		var err error
		if c, err = compile(string(src.start.Config), string(src.start.Broodctl)); err != nil {
			return nil, supervisor.Options{}, err
		}
	}
	// Workers run in /, so paths become absolute here.
	base, err := os.Getwd()
	if err != nil {
		return nil, supervisor.Options{}, err
	}
	r, err := c.Settle(base, src.flags)
	if err != nil {
		return nil, supervisor.Options{}, &argumentError{err}
	}
	o := r.Server.Options()
	o.Config, o.ReadPaths = r.Worker, r.ReadPaths
	o.Sandbox = max(o.Sandbox, r.Sandbox)
	if len(r.Fetcher) > 0 {
		broodctl, err := find(string(src.start.Broodctl))
		if err != nil {
			return nil, supervisor.Options{}, err
		}
		o.Helpers = []supervisor.Helper{{Name: "origin", Path: broodctl, Args: []string{"origin"}, Config: r.Fetcher, Dir: r.Cache, Workers: true}}
	}
	if r.Server.HTTP != "" {
		h, err := console(&r.Server, string(src.start.Broodctl))
		if err != nil {
			return nil, supervisor.Options{}, err
		}
		o.Helpers = append(o.Helpers, h)
	}
	if o.Admin.Path != "" || r.Server.HTTP != "" {
		if err := src.show(&o.Admin, &r.Server, c.Served, base); err != nil {
			return nil, supervisor.Options{}, err
		}
	}
	return &r.Server, o, nil
}

// show fills in what operators are shown of what is in force, flags included.
func (src *source) show(to *supervisor.Admin, s *config.Server, served []byte, base string) (err error) {
	to.Program = version()
	if file := string(src.start.Config); filepath.IsAbs(file) {
		to.ConfigFile = file
	} else if file != "" {
		to.ConfigFile = filepath.Join(base, file)
	}
	shown := config.Compiled{Server: config.Settings(s), Served: served}
	to.Config, err = shown.Encode()
	return err
}
