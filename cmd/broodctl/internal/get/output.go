package get

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Output is where content goes. Either Commit or Discard ends it.
type Output struct {
	w    io.Writer
	name string // for messages

	file  *os.File
	buf   *bufio.Writer
	final string // where the file goes; "" if it is written in place
}

// To is an output to a writer that is not ours to close.
func To(w io.Writer, name string) *Output { return &Output{w: w, name: name} }

// Create makes an output to a file. What is there stays until Commit puts the whole
// of it in its place; what is no regular file, such as a device, is written as it is.
func Create(name string) (*Output, error) {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return nil, localFailure(fmt.Errorf("%s is a directory: say --output %s", name, filepath.Join(name, "FILE")))
	case err == nil && !info.Mode().IsRegular():
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return nil, localFailure(err)
		}
		return &Output{w: f, file: f, name: name}, nil
	case err == nil:
		// A link stays one, and what it leads to is replaced.
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return nil, localFailure(err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, localFailure(err)
	}
	f, err := beside(name)
	if err != nil {
		return nil, localFailure(err)
	}
	if info != nil {
		f.Chmod(info.Mode().Perm()) // as it was; if that can't be, as a new one
	}
	buf := bufio.NewWriterSize(f, 256<<10)
	return &Output{w: buf, file: f, buf: buf, final: name, name: name}, nil
}

// beside creates a file of another name in the same directory. os.CreateTemp would
// make one that only its owner may read.
func beside(name string) (*os.File, error) {
	dir, base := filepath.Split(name)
	for n := os.Getpid(); ; n++ {
		f, err := os.OpenFile(fmt.Sprintf("%s.%.200s.%d.part", dir, base, n), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

func localFailure(err error) *Failure { return &Failure{"local", ExitLocal, err} }

func (o *Output) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	return n, o.fault(err)
}

func (o *Output) fault(err error) error {
	if err == nil {
		return nil
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // its name is that of the temporary file
	}
	return &Failure{"can't write", ExitLocal, fmt.Errorf("writing %s: %w", o.name, err)}
}

// Commit has the content kept.
func (o *Output) Commit() error {
	if o.file == nil {
		return nil
	}
	if o.buf != nil {
		if err := o.buf.Flush(); err != nil {
			o.Discard()
			return o.fault(err)
		}
	}
	err := o.file.Close()
	if err == nil && o.final != "" {
		err = os.Rename(o.file.Name(), o.final)
	}
	if err != nil {
		o.remove()
		return o.fault(err)
	}
	return nil
}

// Discard leaves nothing behind.
func (o *Output) Discard() {
	if o.file != nil {
		o.file.Close()
		o.remove()
	}
}

func (o *Output) remove() {
	if o.final != "" {
		os.Remove(o.file.Name())
	}
}
