package worker

import (
	"bytes"
	"io"
	"io/fs"
	"os"
)

// Bytes returns a Response that holds b. It keeps b; the caller must not change it.
func Bytes(b []byte) Response {
	return &bytesResponse{Reader: bytes.NewReader(b)}
}

type bytesResponse struct{ *bytes.Reader }

func (r *bytesResponse) Size() (int64, bool) { return r.Reader.Size(), true }
func (r *bytesResponse) Close() error        { return nil }

// File returns a Response that reads f from its start and owns it from then on.
// It refuses what is not a regular file with an error that Is fs.ErrPermission:
// a directory has no content, and a FIFO or a device could block for ever. On
// an error f is closed.
//
// The size is the one of this moment. A file that shrinks while it is served
// ends its session with an ERROR; one that grows is served up to that size.
func File(f *os.File) (Response, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "serve", Path: f.Name(), Err: errNotRegular{info.Mode().Type()}}
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &fileResponse{File: f, size: info.Size()}, nil
}

type fileResponse struct {
	*os.File
	size int64
}

func (r *fileResponse) Size() (int64, bool) { return r.size, true }

// errNotRegular is a permission error that says what the path names instead.
type errNotRegular struct{ mode fs.FileMode }

func (e errNotRegular) Error() string {
	switch {
	case e.mode.IsDir():
		return "is a directory"
	case e.mode&fs.ModeNamedPipe != 0:
		return "is a FIFO"
	case e.mode&fs.ModeSocket != 0:
		return "is a socket"
	default:
		return "is not a regular file"
	}
}

func (e errNotRegular) Is(target error) bool { return target == fs.ErrPermission }
