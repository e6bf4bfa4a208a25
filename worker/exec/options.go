package exec

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Options say what is run, and how. The zero value lacks a Command.
type Options struct {
	// Command is the program, by its absolute path, and its arguments. Required.
	Command []string `yaml:"command"`

	// Deadline is how long the program may take, from 1ms; beyond the worker's
	// OpenTimeout it has no effect. Zero means 5s.
	Deadline time.Duration `yaml:"deadline"`

	// MaxOutput is how much it may write, in bytes, up to 1 GiB. Zero means 16 MiB.
	// All of it is held in memory.
	MaxOutput int `yaml:"max-output"`

	// Environment is what its environment holds besides the request; it may replace
	// PATH. Names that begin with TFTP_ are the request's. Default nothing.
	Environment map[string]string `yaml:"environment"`
}

const (
	defaultDeadline  = 5 * time.Second
	defaultMaxOutput = 16 << 20
	maxMaxOutput     = 1 << 30
)

// Check returns everything that is wrong with o as such; whether the program is
// there it does not look.
func (o Options) Check() error {
	_, err := o.settle()
	return err
}

// settle returns o with its defaults, or everything that is wrong with it.
func (o Options) settle() (Options, error) {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("exec: "+format, args...)) }
	switch {
	case len(o.Command) == 0:
		fault("no command: want the absolute path of a program, and its arguments")
	case !filepath.IsAbs(o.Command[0]):
		fault("command %q: want an absolute path; PATH is not searched", o.Command[0])
	}
	for _, arg := range o.Command {
		if strings.Contains(arg, "\x00") {
			fault("command: %q holds a NUL, which no argument can", arg)
		}
	}
	if o.Deadline == 0 {
		o.Deadline = defaultDeadline
	}
	if o.Deadline < time.Millisecond {
		fault("deadline %v: want at least 1ms", o.Deadline)
	}
	if o.MaxOutput == 0 {
		o.MaxOutput = defaultMaxOutput
	}
	if o.MaxOutput < 0 || o.MaxOutput > maxMaxOutput {
		fault("max-output %d: want 1 to %d bytes", o.MaxOutput, maxMaxOutput)
	}
	for _, key := range slices.Sorted(maps.Keys(o.Environment)) {
		switch {
		case key == "" || strings.ContainsAny(key, "=\x00"):
			fault(`environment: %q is no name: it must hold something, and neither "=" nor NUL`, key)
		case strings.HasPrefix(key, prefix):
			fault("environment: %q: names that begin with %s are the request's", key, prefix)
		case strings.Contains(o.Environment[key], "\x00"):
			fault("environment: the value of %q holds a NUL", key)
		}
	}
	return o, errors.Join(faults...)
}
