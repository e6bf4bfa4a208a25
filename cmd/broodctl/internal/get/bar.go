package get

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"

	"brood/cmd/broodctl/internal/figures"
)

// Bar is a progress bar. What it shows is read off a counter a few times a second: a
// block costs an addition, not a message to the one that draws.
type Bar struct {
	all  *mpb.Progress
	bar  *mpb.Bar
	done atomic.Int64
	stop chan struct{}
	wait sync.WaitGroup
}

// IsTerminal says whether there is a screen to draw on, or a keyboard, behind what is
// written to or read from.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// refresh is how often the screen is drawn.
const refresh = 100 * time.Millisecond

// bytesBar begins a bar of bytes; total is -1 where it is not known.
func bytesBar(w io.Writer, name string, total int64) *Bar {
	const short = 24 // of the name
	if runes := []rune(name); len(runes) > short {
		name = string(runes[:short-1]) + "…"
	}
	begun := time.Now()
	far := func(st decor.Statistics) string { return figures.Size(st.Current) }
	fast := func(st decor.Statistics) string { return figures.Rate(st.Current, time.Since(begun)) }
	if total < 0 {
		return newBar(w, total, []mpb.BarOption{
			mpb.PrependDecorators(decor.Name(name), decor.Any(far, decor.WC{W: 10})),
			mpb.AppendDecorators(decor.Any(fast, decor.WC{W: 12}), decor.Elapsed(decor.ET_STYLE_MMSS, decor.WC{W: 7})),
		})
	}
	return newBar(w, total, []mpb.BarOption{
		mpb.PrependDecorators(decor.Name(name), decor.Any(far, decor.WC{W: 10}), decor.Name(" of "+figures.Size(total))),
		mpb.AppendDecorators(decor.Percentage(decor.WC{W: 6}), decor.Any(fast, decor.WC{W: 12}), decor.AverageETA(decor.ET_STYLE_MMSS, decor.WC{W: 7})),
	})
}

// sessionsBar begins a bar of sessions.
func sessionsBar(w io.Writer, total int, failed *atomic.Int64) *Bar {
	return newBar(w, int64(total), []mpb.BarOption{
		mpb.PrependDecorators(decor.CountersNoUnit("%d of %d sessions")),
		mpb.AppendDecorators(
			decor.Percentage(decor.WC{W: 6}),
			decor.Any(func(decor.Statistics) string { return fmt.Sprintf("%d failed", failed.Load()) }, decor.WC{W: 13}),
			decor.AverageETA(decor.ET_STYLE_MMSS, decor.WC{W: 7}),
		),
	})
}

func newBar(w io.Writer, total int64, options []mpb.BarOption) *Bar {
	b := &Bar{
		all:  mpb.New(mpb.WithOutput(w), mpb.WithRefreshRate(refresh)),
		stop: make(chan struct{}),
	}
	// It goes when it is full: what is said then says more.
	b.bar = b.all.New(total, mpb.BarStyle().Lbound(" [").Rbound("]").Tip(">").Filler("=").Padding(" "), append(options, mpb.BarRemoveOnComplete())...)
	b.wait.Go(func() {
		ticks := time.NewTicker(refresh)
		defer ticks.Stop()
		for {
			select {
			case <-b.stop:
				return
			case <-ticks.C:
				b.bar.SetCurrent(b.done.Load())
			}
		}
	})
	return b
}

// Add counts, and does nothing where there is no bar.
func (b *Bar) Add(n int) {
	if b != nil {
		b.done.Add(int64(n))
	}
}

// End takes the bar off the screen.
func (b *Bar) End() {
	if b == nil {
		return
	}
	close(b.stop)
	b.wait.Wait()
	b.bar.Abort(true)
	b.all.Wait()
}
