package protocol

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

const ms = time.Millisecond

var clients = []struct {
	name   string
	client func(ReceiverConfig) client
}{
	{"our receiver", ours},
	{"a receiver that ACKs all it does not expect", newParrot},
	{"a receiver that reports no gap", newMute},
}

// weathers are kinds of bad links and slow sources. Each bounds the DATA
// packets per block; the windows that the end of a transfer may cost come on
// top (see TestTransfers).
var weathers = []struct {
	name     string
	set      func(w *world, rng *rand.Rand)
	complete bool // the content must arrive
	perBlock func(w *world, window, copied float64) float64
}{
	{
		"fair", func(w *world, rng *rand.Rand) {}, true,
		func(w *world, window, copied float64) float64 { return 1 },
	},
	{
		"loses little", func(w *world, rng *rand.Rand) { w.loss = rng.Float64() * 0.05 }, true,
		// Going back costs the window that was in flight.
		func(w *world, window, copied float64) float64 { return 1.2 + 2*w.loss*window },
	},
	{
		"copies", func(w *world, rng *rand.Rand) { w.copies, w.jitter = rng.Float64()*0.3, 50*ms }, true,
		// A copied ACK costs a window; what the client says for a copied block is
		// not ours to choose.
		func(w *world, window, copied float64) float64 { return 1.1 + 1.5*w.copies + 2*copied*window },
	},
	{
		"overtakes", func(w *world, rng *rand.Rand) { w.late, w.lateBy, w.jitter = rng.Float64()*0.05, 10*ms, 5*ms }, true,
		func(w *world, window, copied float64) float64 { return 1.2 + 2*w.late*window },
	},
	{
		"is slower than the timeout", func(w *world, rng *rand.Rand) { w.delay = time.Duration(rng.Int64N(int64(1450 * ms))) }, true,
		// The round trip takes less than 3 s, so two of the timer's tries, after 1
		// and 3 s, are needless; nothing may follow from them.
		func(w *world, window, copied float64) float64 { return 3 },
	},
	{"does all of it", func(w *world, rng *rand.Rand) {
		w.loss, w.copies = rng.Float64()*0.03, rng.Float64()*0.1
		w.late, w.lateBy, w.jitter = rng.Float64()*0.03, 10*ms, 5*ms
	}, true, func(w *world, window, copied float64) float64 {
		return 1.3 + 1.5*w.copies + 2*(w.loss+w.late+copied)*window
	}},
	{"has a slow source", func(w *world, rng *rand.Rand) {
		w.loss = rng.Float64() * 0.02
		w.pace = time.Duration(1 + rng.Int64N(int64(2*time.Second)))
		w.size %= 600
	}, true, func(w *world, window, copied float64) float64 { return 1.3 + 3*w.loss*window }},
	{"loses much", func(w *world, rng *rand.Rand) {
		w.loss, w.copies = rng.Float64()*0.6, rng.Float64()*0.1
		w.late, w.lateBy, w.jitter = rng.Float64()*0.2, 50*ms, 50*ms
	}, false, nil},
}

// randomWorld picks what the weather leaves open.
func randomWorld(rng *rand.Rand) (w world, window int) {
	windows := []int{1, 1, 2, 3, 4, 8, 16, 32, 64}
	window = windows[rng.IntN(len(windows))]
	blksize := DefaultBlksize
	if window > 1 || rng.IntN(4) > 0 {
		blksize = 8
		w.asked = append(w.asked, Option{"blksize", "8"}, Option{"windowsize", fmt.Sprint(window)}, Option{"tsize", "0"})
	}
	if rng.IntN(4) == 0 {
		w.asked = append(w.asked, Option{"timeout", "1"})
	}
	sizes := []int{
		0, 1, blksize - 1, blksize, blksize + 1, blksize*window - 1, blksize * window, blksize*window + 1,
		2 * blksize * window, rng.IntN(400), rng.IntN(3000), rng.IntN(6000),
	}
	w.size = sizes[rng.IntN(len(sizes))]
	w.timeout, w.limits.Timeout = time.Second, time.Second
	w.retries = 7
	w.delay = 100*time.Microsecond + time.Duration(rng.Int64N(int64(50*ms)))
	w.icmp = rng.IntN(2) == 0
	return w, window
}

// giveUp is how long one side waits without progress: its patience, and the
// timer that was running when that ended.
func giveUp(w world) time.Duration {
	r := newRetry(w.timeout, false, w.retries)
	return r.patience() + r.base
}

// TestTransfers plays transfers of all kinds. Whatever the link does, a transfer
// ends in time and never with a wrong content; on a link that is not hopeless
// the content arrives, and for a number of packets in proportion to what the
// link did to them.
func TestTransfers(t *testing.T) {
	const seeds = 400
	for i, weather := range weathers {
		for j, c := range clients {
			t.Run(weather.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				for n := range uint64(seeds) {
					seed := uint64(i*len(clients)+j)*seeds + n
					rng := rand.New(rand.NewPCG(seed, 0))
					w, window := randomWorld(rng)
					weather.set(&w, rng)
					w.client = c.client
					r := w.run(t, seed)

					if bound := time.Duration(r.blocks+2) * (giveUp(w) + 2*w.pace); r.took > bound {
						t.Errorf("seed %d: took %v, more than %v", seed, r.took, bound)
					}
					if !weather.complete {
						continue
					}
					if r.receiver.Outcome != Complete || r.sender.Outcome != Complete && w.loss == 0 {
						t.Errorf("seed %d: %v for the sender, %v for the receiver", seed, r.sender.Outcome, r.receiver.Outcome)
					}
					copied := 0.0
					if j == 1 && window > 1 { // the parrot acknowledges copies
						copied = w.copies
					}
					// The last window may go again until the Sender gives up, its
					// ACKs being lost; a small transfer may be out of luck once.
					bound := float64(r.blocks)*weather.perBlock(&w, float64(window), copied) + float64((w.retries+3)*window)
					if w.pace > 0 { // who waits for content is nudged
						bound += float64(r.took / w.timeout)
					}
					if w.loss+w.late+w.copies == 0 && w.pace == 0 && w.delay < 100*ms {
						bound = float64(r.blocks)
					}
					if float64(r.data) > bound {
						t.Errorf("seed %d: %d DATA packets for %d blocks in windows of %d, more than %.0f: %+v", seed, r.data, r.blocks, window, bound, w)
					}
				}
			})
		}
	}
}

// TestTransfersPastTheLastBlockNumber takes two cycles of numbers, with both
// rollovers and with a window that is nearly a cycle.
func TestTransfersPastTheLastBlockNumber(t *testing.T) {
	for _, rollover := range []string{"0", "1"} {
		for _, window := range []int{1, 7, 64, 40_000, 65_535} {
			t.Run(fmt.Sprintf("to %s, window %d", rollover, window), func(t *testing.T) {
				t.Parallel()
				w := world{
					size: 8*140_000 + 3, timeout: time.Second, retries: 7, link: link{delay: ms},
					asked: opts(fmt.Sprintf("blksize=8 windowsize=%d rollover=%s", window, rollover)),
				}
				if window < 100 {
					w.loss, w.copies = 0.001, 0.001
				}
				r := w.run(t, 1)
				if r.sender.Outcome != Complete || r.receiver.Outcome != Complete {
					t.Errorf("%v for the sender, %v for the receiver, %d bytes", r.sender.Outcome, r.receiver.Outcome, r.received)
				}
			})
		}
	}
}

// One needless restart must not make every later one needless: this is what EDK2
// and a single copied block do to a server that answers each ACK with a window.
func TestOneCopiedBlockDoesNotDoubleTheFile(t *testing.T) {
	s := NewSender(SenderConfig{Windowsize: 8, OACK: true, Retries: 3})
	p := newParrot(ReceiverConfig{Options: opts("blksize=8 windowsize=8")})
	now := time.Unix(0, 0)
	const blocks = 1000
	s.Step(now, whole(blocks))
	s.Step(now, start)
	p.Step(now, start)
	p.Step(now, oackEvent("blksize=8 windowsize=8"))

	// Two queues in order, without loss: the network's copy of block 3 is all
	// that ever goes wrong.
	var toClient []uint64
	acks := []uint16{0}
	sent := 0
	var last Action
	for !last.Done {
		for _, n := range acks {
			last = s.Step(now, ack(n))
			sent += last.Count
			for b := last.First; b < last.First+uint64(last.Count); b++ {
				toClient = append(toClient, b)
				if b == 3 && sent <= 8 {
					toClient = append(toClient, b)
				}
			}
		}
		acks = acks[:0]
		if len(toClient) == 0 {
			break
		}
		b := toClient[0]
		toClient = toClient[1:]
		payload := full
		if b == blocks {
			payload = ""
		}
		if reply := p.Step(now, block(s.Wire(b), payload)); reply.Ack {
			acks = append(acks, reply.Block)
		}
	}
	if last.Outcome != Complete || sent > blocks+16 {
		t.Errorf("%v after %d packets for %d blocks, want complete after two windows more than blocks", last.Outcome, sent, blocks)
	}
}
