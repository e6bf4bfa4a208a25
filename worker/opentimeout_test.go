package worker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"brood/ipc"
	"brood/worker"
)

const tooSlow = "Server took too long to open the file"

func TestAnOpenThatHeedsItsDeadline(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		err    error
		detail string
	}{
		{"and returns the context's error", context.Canceled, "context canceled"},
		{"and returns a response all the same", nil, "the deadline for opening has passed"},
	} {
		p := newPeer(t)
		closed := 0
		r := p.start(p.job("blksize", "1428"), worker.HandlerFunc(func(ctx context.Context, _ *worker.Request) (worker.Response, error) {
			<-ctx.Done()
			if tt.err != nil {
				return nil, tt.err
			}
			return &stream{Reader: strings.NewReader("late"), size: 4, closed: func() { closed++ }}, nil
		}), time.Millisecond)
		p.expectError(0, tooSlow)
		f := r.end()
		p.expectSilence()
		if f.Outcome != ipc.OutcomeOpenTimeout || f.Detail != tt.detail || f.Kind != ipc.KindFinal || f.FirstSent <= 0 {
			t.Errorf("%s: %+v; want %v, %q", tt.name, f, ipc.OutcomeOpenTimeout, tt.detail)
		}
		if want := map[bool]int{true: 1}[tt.err == nil]; closed != want {
			t.Errorf("%s: closed %d times, want %d", tt.name, closed, want)
		}
	}
}

func TestAFirstBlockThatHeedsTheDeadline(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	r := p.start(p.job(), worker.HandlerFunc(func(ctx context.Context, _ *worker.Request) (worker.Response, error) {
		return &stream{Reader: readerFunc(func([]byte) (int, error) { <-ctx.Done(); return 0, ctx.Err() }), size: -1}, nil
	}), time.Millisecond)
	p.expectError(0, tooSlow)
	if f := r.end(); f.Outcome != ipc.OutcomeOpenTimeout || f.Detail != "context canceled" {
		t.Errorf("%+v; want %v", f, ipc.OutcomeOpenTimeout)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestAnOpenThatNeverReturnsIsAbandoned also lets it return in the end: whoever
// has been told of the end must not hear of the session again.
func TestAnOpenThatNeverReturnsIsAbandoned(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"Open", "the first Read"} {
		p := newPeer(t)
		release, read := make(chan struct{}), make(chan struct{}, 1)
		hang := func() { <-release }
		r := p.start(p.job("blksize", "1428"), serves(func() (worker.Response, error) {
			if where == "Open" {
				hang()
			}
			return &stream{Reader: readerFunc(func(b []byte) (int, error) {
				if where != "Open" {
					hang()
				}
				read <- struct{}{}
				return len(b), nil
			}), size: -1}, nil
		}), time.Millisecond)
		p.expectError(0, tooSlow)
		f := <-r.abandoned
		want := ipc.Frame{
			Kind: ipc.KindFinal, Session: 42, Outcome: ipc.OutcomeOpenTimeout, Size: -1,
			Detail: "no content within 1ms, and the handler does not return",
		}
		if f != want {
			t.Errorf("%s: %+v\nwant %+v", where, f, want)
		}
		close(release)
		<-read
		p.expectSilence()
		select {
		case f := <-r.final:
			t.Errorf("%s: a second end: %+v", where, f)
		default:
		}
	}
}
