package main

import (
	"brood/worker"
	"compress/gzip"
	"context"
	"io"
	"os"
	"strings"
)

// packed serves NAME from NAME.gz. Its size is known only in the end, so clients are
// not told one; and it may keep its reader waiting, for which the session has a
// goroutine.
type packed struct{ root *os.Root }

func openPacked(dir string) (*packed, error) {
	root, err := os.OpenRoot(dir)
	return &packed{root}, err
}

func (p *packed) Open(_ context.Context, req *worker.Request) (worker.Response, error) {
	f, err := p.root.Open(strings.TrimPrefix(req.File, "packed/") + ".gz")
	if err != nil {
		return nil, err // fs.ErrNotExist is ERROR 1
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		f.Close()
		return nil, err // ERROR 0, and the log says what
	}
	return &unpacking{z, f}, nil
}

type unpacking struct {
	*gzip.Reader
	file io.Closer
}

func (u *unpacking) Size() (int64, bool) { return 0, false }
func (u *unpacking) Close() error        { return u.file.Close() }
