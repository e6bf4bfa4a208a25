package files

import (
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Options say which directories are served, and how names are looked for. What
// each of them means for links and for "..", the package's documentation says.
type Options struct {
	// Root is the directory that is served. Required, unless there are Roots.
	Root string `yaml:"root"`

	// Roots are several directories in place of one Root. A request is answered
	// from the first that has the file.
	Roots []string `yaml:"roots"`

	// Follow are further directories that links may lead into; requests can't
	// name what is there. Default none.
	Follow []string `yaml:"follow"`

	// IgnoreCase finds a file also by a name in other case, of the letters A to Z,
	// in each part of the name. Default false.
	IgnoreCase bool `yaml:"ignore-case"`

	// PerClient are directories below each root that are looked into first, the
	// client's own: relative paths in which {ip} stands for the client's address
	// (10.0.0.7), {ip-hex} for its digits (0A000007), {mac} for its hardware address
	// (52-54-00-12-34-56) and {mac-hex} for that one's digits (525400123456). One
	// with a MAC is passed over where the client's is not known. Default none.
	PerClient []string `yaml:"per-client"`
}

// Check returns everything that is wrong with o, as far as that can be said
// without looking at the directories, which New does.
func (o Options) Check() error {
	var faults []error
	if o.Root != "" && len(o.Roots) > 0 {
		faults = append(faults, fmt.Errorf("files: root %q and roots: want one or the other", o.Root))
	}
	for role, dirs := range o.trees() {
		if slices.Contains(dirs, "") {
			faults = append(faults, fmt.Errorf(`files: %s "": %w`, role, errNoDirectory))
		}
	}
	for _, text := range o.PerClient {
		if _, err := parsePattern(text); err != nil {
			faults = append(faults, fmt.Errorf("files: per-client %q: %w", text, err))
		}
	}
	return errors.Join(faults...)
}

var errNoDirectory = errors.New("no directory given")

// ReadPaths are the directories that a worker must be able to read.
func (o Options) ReadPaths() []string { return slices.Concat(o.roots(), o.Follow) }

func (o Options) roots() []string {
	if len(o.Roots) == 0 {
		return []string{o.Root}
	}
	return o.Roots
}

// trees yields the directories by what they are.
func (o Options) trees() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		_ = yield("root", o.roots()) && yield("follow tree", o.Follow)
	}
}
