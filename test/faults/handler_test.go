package faults

import (
	"context"
	"strings"
	"time"

	"brood/worker"
)

// stallTimeout is the server's whose handler this is.
const stallTimeout = 2 * time.Second

// misbehave serves, by the first word of the name, a source that stalls after its
// first half, or never returns at all; one that takes memory without end; and
// otherwise small.
func misbehave(ctx context.Context, req *worker.Request) (worker.Response, error) {
	what, _, _ := strings.Cut(req.File, " ")
	switch what {
	case "stall":
		return &stalling{Response: worker.Bytes(make([]byte, 4<<20)), until: ctx.Done()}, nil
	case "hang":
		return &stalling{Response: worker.Bytes(make([]byte, 4<<20))}, nil
	case "hog":
		return nil, hog(ctx)
	}
	return worker.Bytes(small), nil
}

var small = []byte(strings.Repeat("a small file. ", 1000))

// stalling gives 2 MB and then nothing more.
type stalling struct {
	worker.Response
	given int
	until <-chan struct{}
}

func (s *stalling) Read(p []byte) (int, error) {
	if s.given >= 2<<20 {
		<-s.until
		return 0, context.Canceled
	}
	n, err := s.Response.Read(p)
	s.given += n
	return n, err
}

// ReadAt is not promised: what is embedded has one.
func (s *stalling) ReadAt() {}

// held keeps what hog takes from being given back.
var held [][]byte

func hog(ctx context.Context) error {
	for held = nil; ctx.Err() == nil; {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		held = append(held, b)
	}
	return context.Cause(ctx)
}
