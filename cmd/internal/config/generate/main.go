// Command generate writes what comes of the comments in package config: the flags'
// part of the help, the table of the README and the JSON Schema of the file. `go
// generate` runs it in package config's folder.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	outputs, err := generate(dir)
	if err != nil {
		return err
	}
	for name, content := range outputs {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
