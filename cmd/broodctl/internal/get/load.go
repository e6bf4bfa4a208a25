package get

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Load gets the file repeat times, up to concurrency at once, and drops what comes.
// Screen is as for Once. The end of ctx ends the sessions that run and begins no more.
func (f *Fetcher) Load(ctx context.Context, repeat, concurrency int, screen io.Writer) *Summary {
	var bar *Bar
	var failed atomic.Int64
	if screen != nil {
		bar = sessionsBar(screen, repeat, &failed)
	}
	var next atomic.Int64
	var all sync.WaitGroup
	var mu sync.Mutex
	sum := newSummary()
	begun := time.Now()
	for range min(repeat, concurrency) {
		all.Go(func() {
			for next.Add(1) <= int64(repeat) && ctx.Err() == nil {
				s := f.Fetch(ctx, io.Discard, nil)
				bar.Add(1)
				if s.Err != nil {
					failed.Add(1)
				}
				mu.Lock()
				sum.Add(s)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	bar.End()
	sum.end(time.Since(begun))
	return sum
}
