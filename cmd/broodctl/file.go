package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"

	"brood/cmd/broodctl/internal/document"
	"brood/cmd/internal/config"
)

// maxFile is how long a configuration file may be.
const maxFile = 64 << 20

// readFile reads a configuration file.
func readFile(name string) (*document.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, failure{err}
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Mode().Type() == fs.ModeDir {
		return nil, failure{fmt.Errorf("%s: want a file, it is a directory", name)}
	}
	return readText(name, f)
}

// settled reads a configuration file, and what it comes to with flags.
func settled(name string, flags []config.Setting) (*document.File, *config.Result, error) {
	file, err := readFile(name)
	if err != nil {
		return nil, nil, err
	}
	r, err := file.Compiled.Settle(".", flags)
	if err != nil {
		return nil, nil, failure{fmt.Errorf("%s: %w", name, err)}
	}
	return file, r, nil
}

// readText reads a configuration file's text. Name is what faults call it.
func readText(name string, from io.Reader) (*document.File, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s: it is longer than %d MiB", name, maxFile>>20)
	}
	if err != nil {
		return nil, failure{err}
	}
	file, err := document.Read(name, text)
	if err != nil {
		return nil, failure{err}
	}
	return file, nil
}
