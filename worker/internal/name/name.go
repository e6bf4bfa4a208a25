// Package name reads the file names that clients send. It is for handlers that
// go by names, so that all of them take the same spellings for the same file.
package name

import (
	"errors"
	"slices"
	"strings"
)

// Split returns the parts of a requested name, without "." and empty ones; ".."
// stays, because what it means depends on what stands before it. "/" and "\" both
// separate, in any number and in front too: boot ROMs send "/pxelinux.0",
// "//pxelinux.0" and `\Boot\BCD`. A name that can only be a directory's is not ok.
func Split(name string) (parts []string, ok bool) {
	parts = strings.FieldsFunc(name, isSeparator)
	if len(parts) == 0 || isSeparator(rune(name[len(name)-1])) {
		return nil, false
	}
	if last := parts[len(parts)-1]; last == "." || last == ".." {
		return nil, false
	}
	return slices.DeleteFunc(parts, func(part string) bool { return part == "." }), true
}

// Path returns the one spelling that stands for all those of a name, with "/" between
// its parts. A name that leads upwards or holds a NUL has none, nor has a directory's.
func Path(name string) (string, error) {
	parts, ok := Split(name)
	switch {
	case strings.Contains(name, "\x00"):
		return "", errors.New("the name holds a NUL")
	case slices.Contains(parts, ".."):
		return "", errors.New("the name leads upwards")
	case !ok:
		return "", errors.New("the name is a directory's")
	}
	return strings.Join(parts, "/"), nil
}

func isSeparator(r rune) bool { return r == '/' || r == '\\' }
