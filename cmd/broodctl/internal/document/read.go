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
	Compiled *config.Compiled
	at       map[string]Position
}

// Read reads and compiles the text of a file, and the files that it names. Name is
// what the file is called in faults, and its directory what paths in it are relative
// to. The error is Faults, with everything that is wrong.
func Read(name string, text []byte) (*File, error) {
	absolute, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	f := &File{Name: name}
	var all Faults
	if f.at, all = decode(name, text, &f.Document); len(all) == 0 { // or the same would be said twice
		f.Resolve(filepath.Dir(absolute))
		all = f.check()
	}
	if len(all) == 0 {
		var faults []*config.Fault
		f.Compiled, faults = f.Compile(reader{})
		all = f.place(faults)
	}
	if len(all) > 0 {
		return nil, all.sorted()
	}
	return f, nil
}

// decode reads a text with one document into what to points to.
func decode(name string, text []byte, to any) (map[string]Position, Faults) {
	tree, at, err := parse(text)
	if err != nil {
		return nil, Faults{{name, at, err}}
	}
	d := &decoder{file: name, at: make(map[string]Position)}
	if tree != nil {
		d.value(tree, reflect.ValueOf(to).Elem(), "")
	}
	return d.at, d.faults.sorted()
}

// Line is where the keys of path stand, 0 where nothing is known of them.
func (f *File) Line(path string) int { return f.at[path].Line }

// check finds what is wrong with values of the right kinds.
func (f *File) check() Faults {
	all := f.place(f.Check())
	var options *supervisor.OptionsError
	if errors.As(f.Options().Check(), &options) {
		for line := range strings.SplitSeq(options.Error(), "\n") {
			path, text := inKeys(line)
			all = append(all, f.fault(path, errors.New(text)))
		}
	}
	return all
}

// place says where in the text faults are. Those of files that it names have places
// of their own.
func (f *File) place(faults []*config.Fault) (all Faults) {
	for _, fault := range faults {
		var elsewhere Faults
		if errors.As(fault.Err, &elsewhere) {
			all = append(all, elsewhere...)
		} else {
			all = append(all, f.fault(fault.Path, fault.Err))
		}
	}
	return all
}

// fault is what is wrong at the keys of path, or at the nearest above that are there.
func (f *File) fault(path string, err error) *Fault {
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
