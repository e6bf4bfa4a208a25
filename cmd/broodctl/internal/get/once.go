package get

import (
	"context"
	"fmt"
	"io"

	"brood/cmd/broodctl/internal/figures"
	"brood/worker/client"
)

// Once gets the file into an output, which it ends. Screen is nil, or the terminal on
// which to show how it goes.
func (f *Fetcher) Once(ctx context.Context, o *Output, screen io.Writer) *Session {
	var bar *Bar
	begin := func(r *client.Result) {
		if r.Cramped {
			f.Note(cramped(r.Terms.Blksize, r.Terms.Windowsize))
		}
		if screen == nil {
			return
		}
		total := r.Size
		if total == 0 {
			total = -1 // what servers say that do not know it
		}
		bar = bytesBar(screen, f.Location.String(), total)
	}
	s := f.Fetch(ctx, writer(func(b []byte) (int, error) {
		n, err := o.Write(b)
		bar.Add(n)
		return n, err
	}), begin)
	bar.End()
	if s.Err != nil {
		o.Discard()
		return s
	}
	if err := o.Commit(); err != nil {
		s.Err = classify(err, "")
		return s
	}
	if screen != nil {
		fmt.Fprintf(screen, "%v: %s in %s, %s, blocks of %d bytes, windows of %d\n", f.Location,
			figures.Size(s.Bytes), figures.Span(s.Total), figures.Rate(s.Bytes, s.Total), s.Terms.Blksize, s.Terms.Windowsize)
	}
	return s
}

// writer is a function that is an io.Writer.
type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

func cramped(blksize, windowsize int) string {
	return fmt.Sprintf("a window of %d blocks of %d bytes may not fit into the socket's buffer; a smaller --windowsize loses less, a larger net.core.rmem_max allows more", windowsize, blksize)
}
