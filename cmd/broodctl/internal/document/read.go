package document

import (
	"errors"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"brood/cmd/internal/config"
	"brood/supervisor"
)

// File is a configuration file that has been read.
type File struct {
	Name string
	config.Document
	at map[string]Position
}

// Read reads the text of a file. Name is what the file is called in faults, and its
// directory what paths in it are relative to. The error is Faults, with everything
// that is wrong.
func Read(name string, text []byte) (*File, error) {
	f := &File{Name: name, at: make(map[string]Position)}
	tree, at, err := parse(text)
	if err != nil {
		return nil, Faults{{name, at, err}}
	}
	d := &decoder{file: name, at: f.at}
	if tree != nil {
		d.value(tree, reflect.ValueOf(&f.Document).Elem(), "")
	}
	absolute, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	f.Resolve(filepath.Dir(absolute))
	faults := d.faults
	if len(faults) == 0 { // or the same would be said twice
		faults = f.check()
	}
	if len(faults) > 0 {
		return nil, faults.sorted()
	}
	return f, nil
}

// check finds what is wrong with values of the right kinds.
func (f *File) check() (all Faults) {
	for _, fault := range f.Check() {
		all = append(all, f.Fault(fault.Path, fault.Err))
	}
	var options *supervisor.OptionsError
	if errors.As(f.Options().Check(), &options) {
		for line := range strings.SplitSeq(options.Error(), "\n") {
			path, text := inKeys(line)
			all = append(all, f.Fault(path, errors.New(text)))
		}
	}
	return all
}

// Fault is what is wrong at the keys of path, or at the nearest above that are there.
func (f *File) Fault(path string, err error) *Fault {
	for ; ; path = path[:max(0, strings.LastIndexByte(path, '.'))] {
		if at, ok := f.at[path]; ok || path == "" {
			return &Fault{f.Name, at, err}
		}
	}
}

var optionName = regexp.MustCompile(`\b[A-Z][a-z]+[A-Za-z]*\b`)

// inKeys puts the keys in the place of the names that options have in Go, and says
// which is the first.
func inKeys(text string) (first, keyed string) {
	keyed = optionName.ReplaceAllStringFunc(text, func(word string) string {
		f, ok := reflect.TypeFor[config.Server]().FieldByName(word)
		if !ok {
			return word
		}
		if first == "" {
			first = config.Key(f)
		}
		return config.Key(f)
	})
	return first, keyed
}
