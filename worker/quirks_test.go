package worker_test

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"brood/ipc"
	"brood/protocol"
	"brood/worker"
	"brood/worker/workertest"
)

// quirky serves b under quirks.
func quirky(b []byte, q worker.Quirks) worker.Handler {
	return worker.HandlerFunc(func(_ context.Context, req *worker.Request) (worker.Response, error) {
		req.Quirks = q
		return worker.Bytes(b), nil
	})
}

func TestQuirksNarrowWhatIsNegotiated(t *testing.T) {
	t.Parallel()
	asked := []protocol.Option{option("tsize", 0), option("blksize", 1428), option("windowsize", 8), option("timeout", 60)}
	acked := func(tsize, blksize, windowsize, timeout int) (o []protocol.Option) {
		for i, value := range []int{tsize, blksize, windowsize, timeout} {
			if value != 0 {
				o = append(o, option(asked[i].Name, value))
			}
		}
		return o
	}
	for _, tt := range []struct {
		name   string
		quirks worker.Quirks
		oack   []protocol.Option
	}{
		{"none", worker.Quirks{}, acked(9000, 1428, 8, 60)},
		{"blksize capped", worker.Quirks{MaxBlksize: 1024}, acked(9000, 1024, 8, 60)},
		{"blksize capped above what was asked", worker.Quirks{MaxBlksize: 9000}, acked(9000, 1428, 8, 60)},
		{"blksize capped below the least", worker.Quirks{MaxBlksize: -5}, acked(9000, 8, 8, 60)},
		{"windowsize capped", worker.Quirks{MaxWindowsize: 1}, acked(9000, 1428, 1, 60)},
		{"windowsize capped below the least", worker.Quirks{MaxWindowsize: -5}, acked(9000, 1428, 1, 60)},
		{"a tunnel's MTU", worker.Quirks{MTU: 1280}, acked(9000, 1280-32, 8, 60)},
		{"a tunnel's MTU beside a cap", worker.Quirks{MTU: 1280, MaxBlksize: 600}, acked(9000, 600, 8, 60)},
		{"a tunnel's MTU while the route's does not count", worker.Quirks{MTU: 1280, MTUClamp: worker.ClampOff}, acked(9000, 1280-32, 8, 60)},
		{"an MTU that no block fits", worker.Quirks{MTU: -1}, acked(9000, 8, 8, 60)},
		{"one option ignored", worker.Quirks{IgnoreOptions: []string{"TSIZE"}}, acked(0, 1428, 8, 60)},
		{"two options ignored", worker.Quirks{IgnoreOptions: []string{"windowsize", "tsize"}}, acked(0, 1428, 0, 60)},
		{"every option ignored", worker.Quirks{IgnoreOptions: []string{"windowsize", "tsize", "timeout", "blksize"}}, nil},
		{"no options", worker.Quirks{NoOptions: true}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := workertest.Get(t, quirky(text(9000), tt.quirks), "file", asked...)
			if r.Err != nil || !bytes.Equal(r.Content, text(9000)) || !reflect.DeepEqual(r.OACK, tt.oack) || !reflect.DeepEqual(r.Quirks, tt.quirks) {
				t.Errorf("OACK %v, %d bytes, ERROR %v, quirks %+v; want %v, 9000 bytes and %+v", r.OACK, len(r.Content), r.Err, r.Quirks, tt.oack, tt.quirks)
			}
		})
	}
}

func TestNoQuirkIsLooserThanTheServer(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	job := p.job("blksize", "65464", "windowsize", "65535")
	job.MaxBlksize, job.MaxWindowsize, job.MTUClamp = 1024, 2, true
	r := p.start(job, quirky(text(1000), worker.Quirks{MaxBlksize: 65464, MaxWindowsize: 65535, MTUClamp: worker.ClampOff, MTU: 65535}), time.Minute)
	p.expectOACK("blksize", "1024", "windowsize", "2")
	p.ack(0)
	p.expectData(1, text(1000))
	p.ack(1)
	if f := r.end(); f.Outcome != ipc.OutcomeComplete || f.Blksize != 1024 || f.Windowsize != 2 {
		t.Errorf("%+v; want complete, blksize 1024, windowsize 2", f)
	}
}

func TestTheBlockAfter65535IsTheQuirks(t *testing.T) {
	t.Parallel()
	for _, rollover := range []uint16{0, 1} {
		t.Run(fmt.Sprint(rollover), func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			const window, blocks = 32, 65536
			r := p.start(p.job("blksize", "8", "windowsize", "32"), quirky(text(8*blocks+1), worker.Quirks{Rollover: rollover}), time.Minute)
			p.expectOACK("blksize", "8", "windowsize", "32")
			p.ack(0)
			next, last := uint16(1), 0
			for n := 1; n <= blocks+1; {
				d, err := protocol.ParseData(p.receive())
				if err != nil {
					t.Fatal(err)
				}
				if d.Block != next {
					continue // again, on a machine that is busy
				}
				if n%window == 0 || n == blocks+1 {
					p.ack(d.Block)
				}
				last = len(d.Payload)
				n++
				if next++; next == 0 {
					next = rollover
				}
			}
			if f := r.end(); f.Outcome != ipc.OutcomeComplete || last != 1 {
				t.Errorf("%+v, the last block of %d bytes; want complete and 1 byte", f, last)
			}
		})
	}
}

func TestOfTwoQuirksTheNarrowerHolds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		a, b, both worker.Quirks
	}{
		{"none", worker.Quirks{}, worker.Quirks{}, worker.Quirks{}},
		{"caps", worker.Quirks{MaxBlksize: 512, MaxWindowsize: 4}, worker.Quirks{MaxBlksize: 1024, MTU: 1400}, worker.Quirks{MaxBlksize: 512, MaxWindowsize: 4, MTU: 1400}},
		{"options", worker.Quirks{IgnoreOptions: []string{"tsize", "timeout"}}, worker.Quirks{IgnoreOptions: []string{"blksize", "TSIZE"}}, worker.Quirks{IgnoreOptions: []string{"tsize", "timeout", "blksize"}}},
		{"no options", worker.Quirks{NoOptions: true}, worker.Quirks{}, worker.Quirks{NoOptions: true}},
		{"rollover", worker.Quirks{Rollover: 1}, worker.Quirks{}, worker.Quirks{Rollover: 1}},
		{"the clamp on and off", worker.Quirks{MTUClamp: worker.ClampOff}, worker.Quirks{MTUClamp: worker.ClampOn}, worker.Quirks{MTUClamp: worker.ClampOn}},
		{"the clamp off", worker.Quirks{MTUClamp: worker.ClampOff}, worker.Quirks{}, worker.Quirks{MTUClamp: worker.ClampOff}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := slices.Clone(tt.a.IgnoreOptions), slices.Clone(tt.b.IgnoreOptions)
			if got := tt.a.And(tt.b); !reflect.DeepEqual(got, tt.both) {
				t.Errorf("%+v and %+v: %+v, want %+v", tt.a, tt.b, got, tt.both)
			}
			if got := tt.both.And(tt.b); !reflect.DeepEqual(got, tt.both) {
				t.Errorf("%+v and %+v once more: %+v", tt.both, tt.b, got)
			}
			if !slices.Equal(a, tt.a.IgnoreOptions) || !slices.Equal(b, tt.b.IgnoreOptions) {
				t.Errorf("the lists became %q and %q", tt.a.IgnoreOptions, tt.b.IgnoreOptions)
			}
		})
	}
	if got := (worker.Quirks{MTUClamp: worker.ClampOn}).And(worker.Quirks{MTUClamp: worker.ClampOff}); got.MTUClamp != worker.ClampOn {
		t.Errorf("the clamp on and off, the other way round: %+v", got)
	}
}
