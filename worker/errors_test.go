package worker

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

func TestErrorFor(t *testing.T) {
	t.Parallel()
	notFound := protocol.Error{Code: protocol.CodeNotFound, Message: "File not found"}
	denied := protocol.Error{Code: protocol.CodeAccessViolation, Message: "Access violation"}
	other := protocol.Error{Code: protocol.CodeUndefined, Message: "Server error, see its log"}
	custom := &protocol.Error{Code: protocol.CodeNoSuchUser, Message: "who are you?"}
	_, missing := os.Open("/does/not/exist/secret")
	for _, tt := range []struct {
		err  error
		want protocol.Error
	}{
		{fs.ErrNotExist, notFound},
		{missing, notFound},
		{fmt.Errorf("opening /secret: %w", missing), notFound},
		{unix.ENOENT, notFound},
		{fs.ErrPermission, denied},
		{unix.EACCES, denied},
		{&fs.PathError{Op: "open", Path: "/secret", Err: unix.EPERM}, denied},
		{errNotRegular{fs.ModeDir}, denied},
		{custom, *custom},
		{fmt.Errorf("/secret: %w", custom), *custom},
		{fmt.Errorf("%w: %w", fs.ErrNotExist, custom), *custom},
		{errors.Join(fs.ErrPermission, custom), *custom},
		{&protocol.Error{}, protocol.Error{}},
		{io.ErrUnexpectedEOF, other},
		{errors.New("password=secret"), other},
		{errShort{1, 2}, other},
	} {
		if got := ErrorFor(tt.err); got == nil || *got != tt.want {
			t.Errorf("%v (%T) becomes %+v, want %+v", tt.err, tt.err, got, tt.want)
		}
	}
}
