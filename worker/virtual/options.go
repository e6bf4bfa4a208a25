package virtual

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"brood/worker/internal/name"
)

// Options say which files there are. The zero value has none.
type Options struct {
	// Text holds the contents of files by their names, as they are sent; in
	// netascii mode a newline becomes CR LF on the way. Default none.
	Text map[string]string `yaml:"text"`

	// Base64 is the same for contents that aren't text: standard base64 with
	// padding (RFC 4648 §4), as base64(1) prints it; white space counts for nothing.
	// Default none.
	Base64 map[string]string `yaml:"base64"`

	// Health is the name of the health file. Empty, the default, means none.
	Health string `yaml:"health"`

	// Version is the one that the health file names: a single word. It is the
	// program's to say, not the configuration's. Empty means "unknown".
	Version string `yaml:"-"`
}

// Check returns everything that is wrong with o, also with the base64 texts.
func (o Options) Check() error {
	_, err := o.files()
	faults := []error{err}
	for _, file := range slices.Sorted(maps.Keys(o.Base64)) {
		if _, err := decode(o.Base64[file]); err != nil {
			faults = append(faults, fmt.Errorf("virtual: base64 of %q: %w", file, err))
		}
	}
	return errors.Join(faults...)
}

// files returns the contents by the one spelling of their names (name.Path).
func (o Options) files() (map[string]content, error) {
	all := make(map[string]content, len(o.Text)+len(o.Base64)+1)
	var faults []error
	add := func(kind, file string, c content) {
		key, err := name.Path(file)
		switch _, taken := all[key]; {
		case err != nil:
			faults = append(faults, fmt.Errorf(`virtual: %s %q: no file can have this name; want one without ".." and NUL that does not end in a separator`, kind, file))
		case taken:
			faults = append(faults, fmt.Errorf("virtual: %s %q: another file has this name, too; only one can be sent", kind, file))
		default:
			all[key] = c
		}
	}
	for _, file := range slices.Sorted(maps.Keys(o.Text)) {
		add("text", file, content{text: o.Text[file]})
	}
	for _, file := range slices.Sorted(maps.Keys(o.Base64)) {
		add("base64", file, content{text: o.Base64[file], encoded: true})
	}
	if o.Health != "" {
		add("health", o.Health, content{health: true})
	}
	if strings.ContainsAny(o.Version, " \t\r\n\x00") {
		faults = append(faults, fmt.Errorf("virtual: version %q: want a single word", o.Version))
	}
	return all, errors.Join(faults...)
}

func decode(text string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
}
