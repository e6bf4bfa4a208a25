//go:build boot

package boot

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"brood/worker"
)

// newHandler is of the guests' own server. It serves the files of a directory; a
// "pipe-..." opens when somebody has written it, a "crash-..." panics when its client
// has acknowledged a part, and an "eat-..." takes all the memory that it gets.
func newHandler(config []byte) (worker.Handler, error) {
	return worker.HandlerFunc(func(_ context.Context, req *worker.Request) (worker.Response, error) {
		path := filepath.Join(string(config), filepath.Base(req.File))
		switch {
		case strings.HasPrefix(req.File, "eat-"):
			eat()
		case strings.HasPrefix(req.File, "crash-"):
			return &crash{Response: worker.Bytes(make([]byte, 8<<20)), after: 4 << 20}, nil
		case strings.HasPrefix(req.File, "pipe-"):
			b, err := os.ReadFile(path)
			return worker.Bytes(b), err
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		return worker.File(f)
	}), nil
}

// crash is a Response that ends its worker, beyond what that reads ahead.
type crash struct {
	worker.Response
	after int
}

func (c *crash) Read(p []byte) (int, error) {
	if c.after -= len(p); c.after < 0 {
		panic("as asked")
	}
	return c.Response.Read(p)
}
