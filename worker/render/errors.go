package render

import (
	"io/fs"

	"brood/protocol"
)

// errNoDocument is fs.ErrNotExist.
var errNoDocument error = noDocument{}

type noDocument struct{}

func (noDocument) Error() string        { return "no document has such a name" }
func (noDocument) Is(target error) bool { return target == fs.ErrNotExist }

// A fault is the server's trouble with a document that it ought to have: to the
// client it is ERROR 0, whatever the cause is. That stands in the text alone,
// because a partial that is missing must not pass for a missing document: boot
// loaders, and rules that try several files, would go on to the next.
type fault struct{ cause error }

func (f *fault) Error() string { return f.cause.Error() }
func (f *fault) Unwrap() error { return errTemplate }

var errTemplate = &protocol.Error{Code: protocol.CodeUndefined, Message: "Template failed, see the server's log"}
