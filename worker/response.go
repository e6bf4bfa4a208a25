package worker

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"brood/protocol"
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
// The size is the one of this moment. A file that is written to while it is served,
// so that it shrinks, grows or holds something else, ends its session with an
// ERROR before the last block: a client never takes a mix of two files for one. A
// file that is replaced (renamed over) or removed is served to its end as it was.
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
	return &fileResponse{File: f, size: info.Size(), written: info.ModTime()}, nil
}

type fileResponse struct {
	*os.File
	size    int64
	written time.Time // last, before it was opened
}

// errWritten goes to the client as it stands.
var errWritten = &protocol.Error{Message: "File was changed while it was sent"}

// unchanged goes by the time of the last write, which the kernel sets before the
// written bytes can be read. Before Linux 6.13 that time is as coarse as the
// kernel's tick: a write within the very tick in which the file was opened is not
// noticed.
func (r *fileResponse) unchanged() error {
	info, err := r.Stat()
	switch {
	case err != nil:
		return err
	case info.Size() != r.size, !info.ModTime().Equal(r.written):
		return fmt.Errorf("%w: written to at %v, %d bytes before and %d now", errWritten, info.ModTime().Format(time.RFC3339Nano), r.size, info.Size())
	}
	return nil
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
