package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// A fault is a cause together with what it is to the client: fs.ErrNotExist or
// fs.ErrPermission. Its text is the cause's alone, for the log.
type fault struct {
	kind  error
	cause error
}

func (f *fault) Error() string   { return f.cause.Error() }
func (f *fault) Unwrap() []error { return []error{f.kind, f.cause} }

// refused returns a fault of kind fs.ErrPermission with a reason of our own.
func refused(format string, args ...any) error {
	return &fault{fs.ErrPermission, fmt.Errorf(format, args...)}
}

var errDirectory = refused("is a directory")

// notServed refuses a file for being of that mode.
func notServed(mode fs.FileMode) error {
	switch {
	case mode.IsDir():
		return errDirectory
	case mode&fs.ModeNamedPipe != 0:
		return refused("is a FIFO")
	case mode&fs.ModeSocket != 0:
		return refused("is a socket")
	case mode&fs.ModeDevice != 0:
		return refused("is a device")
	}
	return refused("is not a regular file (%v)", mode)
}

// rootGaveUp tells whether err is a limit or a rule of os.Root's own, which walk
// may see otherwise, and not an answer of the file system. The one for escapes
// has no name to compare with, but it alone comes without an errno.
func rootGaveUp(err error) bool {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno == syscall.ELOOP || errno == syscall.ENAMETOOLONG
	}
	return err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrClosed)
}

// missing tells whether err says that there is no such file, so that another
// place may have it; everything else is an answer.
func missing(err error) bool { return err != nil && errors.Is(explain(err), fs.ErrNotExist) }

// explain turns what opening a file ended with into what Handler.Open promises.
func explain(err error) error {
	err = cause(err)
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		if rootGaveUp(err) {
			// Somebody put a link in the way after the walk had looked there.
			return &fault{fs.ErrPermission, err}
		}
		return err
	}
	switch errno {
	case syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.EINVAL: // EINVAL: a NUL
		return &fault{fs.ErrNotExist, err}
	case syscall.ELOOP, syscall.ENXIO: // ENXIO: a socket was opened
		return &fault{fs.ErrPermission, err}
	case syscall.EACCES, syscall.EPERM:
		return fmt.Errorf("%w: uid %d needs r on the file, r and x on each directory", err, os.Geteuid())
	}
	return err
}

// cause strips the path that package os has put on an error: it isn't quoted,
// and the name that was asked for stands in front already.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
