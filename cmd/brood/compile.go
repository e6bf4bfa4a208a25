package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"brood/cmd/internal/config"
	"brood/supervisor"
)

// compile has broodctl read a configuration file. The file is opened here and given
// to it, so that nobody but this process's user needs to be able to read it.
func compile(file, broodctl string) (*config.Compiled, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	f, err := open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if broodctl, err = find(broodctl); err != nil {
		return nil, err
	}
	out, err := supervisor.Errand{Path: broodctl, Args: []string{"compile", "--stdin", file}, Stdin: f}.Run()
	var failed *supervisor.ErrandError
	switch {
	case errors.As(err, &failed) && failed.Exit == 1 && failed.Said != "":
		return nil, fmt.Errorf("the configuration can't be used:\n%s", failed.Said)
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	return config.Decode(out)
}

// open opens a regular file. It does not wait: opening a FIFO does until somebody
// writes, and no reload after that one would ever come to its turn.
func open(file string) (*os.File, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: uid %d must be able to read it, and at a reload nobody is root any more", err, os.Geteuid())
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: want a file, it is a %s", file, kindOf(info.Mode()))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func kindOf(mode fs.FileMode) string {
	switch mode.Type() {
	case fs.ModeDir:
		return "directory"
	case fs.ModeNamedPipe:
		return "FIFO"
	}
	return "special file"
}

// find returns the path of broodctl: the one that was named, or the one beside this
// executable, or the one in PATH.
func find(named string) (string, error) {
	if named != "" {
		info, err := os.Stat(named)
		if err == nil && (!info.Mode().IsRegular() || info.Mode()&0o111 == 0) {
			err = fmt.Errorf("%s: want a program that may be executed (chmod a+x)", named)
		}
		if err != nil {
			return "", fmt.Errorf("broodctl: %w", err)
		}
		return filepath.Abs(named)
	}
	beside := ""
	if self, err := os.Executable(); err == nil {
		beside = filepath.Join(filepath.Dir(self), "broodctl")
		if _, err := os.Stat(beside); err == nil {
			return beside, nil
		}
	}
	path, err := exec.LookPath("broodctl")
	if err != nil {
		return "", fmt.Errorf("broodctl, which reads configuration files, fetches from origins and serves HTTP, is neither beside brood (%s) nor in PATH: install it, or name it with --broodctl", beside)
	}
	return filepath.Abs(path)
}
