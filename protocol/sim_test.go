package protocol

import (
	"container/heap"
	"math/rand/v2"
	"testing"
	"time"
)

// This file is a network in virtual time: a Sender and a client at the two ends
// of a bad link, with real datagrams between them. simulation_test.go says what
// must hold.

// link is what happens to a datagram.
type link struct {
	loss, copies float64       // probabilities
	delay        time.Duration // of every datagram
	jitter       time.Duration // more, at random, in the order sent
	late         float64       // probability of being overtaken: up to lateBy more than jitter
	lateBy       time.Duration
	icmp         bool // a client that has gone answers port unreachable
}

// world is one transfer's conditions.
type world struct {
	link
	size    int
	asked   []Option
	limits  Limits
	timeout time.Duration
	retries int
	pace    time.Duration // between two blocks of the content; 0: all there at once
	client  func(ReceiverConfig) client
}

// client is a Receiver or another program.
type client interface {
	Step(now time.Time, ev Event) Reply
}

func ours(c ReceiverConfig) client { return NewReceiver(c) }

// parrot acknowledges every block that it does not expect, as EDK2 does.
type parrot struct{ *Receiver }

func newParrot(c ReceiverConfig) client { return parrot{NewReceiver(c)} }

func (p parrot) Step(now time.Time, ev Event) Reply {
	if ev.Kind == EventData && p.answered && !p.end.Done && ev.Block != p.seq().wire(p.got+1) {
		return p.ack()
	}
	return p.Receiver.Step(now, ev)
}

// mute reports no gap: it waits for its timer.
type mute struct{ *Receiver }

func newMute(c ReceiverConfig) client { return mute{NewReceiver(c)} }

func (m mute) Step(now time.Time, ev Event) Reply {
	m.gapped = true
	return m.Receiver.Step(now, ev)
}

type result struct {
	sender   Action
	receiver Reply
	terms    Terms
	blocks   uint64 // of the content
	data     int    // DATA packets sent
	again    int    // of them, and of OACKs, by the Sender's count
	acks     int    // ACKs sent
	silent   int    // packets sent before the Sender was confirmed
	received int    // bytes
	took     time.Duration
	steps    int
}

type flight struct {
	at       time.Time
	seq      int // breaks ties, so that a seed gives one run
	toClient bool
	wire     []byte
}

type flights []flight

func (f flights) Len() int { return len(f) }
func (f flights) Less(i, j int) bool {
	return f[i].at.Before(f[j].at) || f[i].at.Equal(f[j].at) && f[i].seq < f[j].seq
}
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)   { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}

// network moves datagrams.
type network struct {
	link
	rng    *rand.Rand
	now    time.Time
	queue  flights
	seq    int
	latest [2]time.Time // arrivals so far, by direction
}

func (n *network) send(toClient bool, wire []byte) {
	times := 1
	if n.copies > 0 && n.rng.Float64() < n.copies {
		times = 2
	}
	direction := 0
	if toClient {
		direction = 1
	}
	for range times {
		if n.loss > 0 && n.rng.Float64() < n.loss {
			continue
		}
		at := n.now.Add(n.delay)
		if n.jitter > 0 {
			at = at.Add(time.Duration(n.rng.Int64N(int64(n.jitter))))
		}
		if at.Before(n.latest[direction]) {
			at = n.latest[direction]
		}
		if n.late > 0 && n.rng.Float64() < n.late {
			at = at.Add(time.Duration(n.rng.Int64N(int64(n.lateBy))))
		} else {
			n.latest[direction] = at
		}
		n.seq++
		heap.Push(&n.queue, flight{at, n.seq, toClient, wire})
	}
}

// contentByte makes every position of a content recognizable.
func contentByte(i int) byte { return byte(i) ^ byte(i>>8)*31 ^ byte(i>>16)*17 }

// run plays the transfer to its end. It fails the test on whatever must never
// happen, whatever the link does.
func (w world) run(t *testing.T, seed uint64) result {
	t.Helper()
	n := network{link: w.link, rng: rand.New(rand.NewPCG(seed, 1)), now: time.Unix(0, 0)}
	rrq := Request{Op: OpRRQ, File: "f", Options: w.asked}.Append(nil)
	newClient := w.client
	if newClient == nil {
		newClient = ours
	}
	c := newClient(ReceiverConfig{Options: w.asked, Timeout: w.timeout, Retries: w.retries})

	var r result
	var s *Sender // once the request has arrived
	var oack OACK
	var content time.Time // when the source has the next block
	var avail, sent uint64

	act := func(a Action) {
		r.sender = a
		packets := a.Count
		if a.OACK {
			packets++
			n.send(true, oack.Append(nil))
		}
		if !s.Confirmed() {
			r.silent += packets
		}
		if r.silent > 1+w.retries {
			t.Fatalf("seed %d: %d packets to a peer that never answered", seed, r.silent)
		}
		r.data += a.Count
		r.again += a.Again
		for b := a.First; b < a.First+uint64(a.Count); b++ {
			if b < s.Acked() || b == s.Acked() && b < avail || b > avail || b > s.Acked()+uint64(r.terms.Windowsize) {
				t.Fatalf("seed %d: sends block %d: acked %d, there are %d, window %d", seed, b, s.Acked(), avail, r.terms.Windowsize)
			}
			from := int(b-1) * r.terms.Blksize
			payload := make([]byte, max(min(w.size-from, r.terms.Blksize), 0))
			for i := range payload {
				payload[i] = contentByte(from + i)
			}
			n.send(true, Data{Block: s.Wire(b), Payload: payload}.Append(nil))
			sent = max(sent, b)
		}
	}
	reply := func(p Reply) {
		r.receiver = p
		for i, b := range p.Payload {
			if b != contentByte(r.received+i) {
				t.Fatalf("seed %d: byte %d of the content is wrong", seed, r.received+i)
			}
		}
		r.received += len(p.Payload)
		if p.RRQ {
			n.send(false, rrq)
		}
		if p.Ack {
			r.acks++
			n.send(false, Ack{Block: p.Block}.Append(nil))
		}
		if p.Refuse {
			n.send(false, p.Err.Append(nil))
		}
	}
	more := func() {
		if avail++; w.pace == 0 {
			avail = r.blocks
		}
		content = time.Time{}
		if avail < r.blocks {
			content = n.now.Add(w.pace/2 + time.Duration(n.rng.Int64N(int64(w.pace))))
		}
		act(s.Step(n.now, Event{Kind: EventContent, Blocks: avail, Final: avail == r.blocks}))
	}
	arrive := func(wire []byte, toClient bool) {
		op, err := ParseOpcode(wire)
		if err != nil {
			t.Fatalf("seed %d: %q: %v", seed, wire, err)
		}
		switch {
		case !toClient && op == OpRRQ:
			if s != nil {
				return // a live session's duplicate request is dropped
			}
			req, err := ParseRequest(wire)
			if err != nil {
				t.Fatalf("seed %d: %q: %v", seed, wire, err)
			}
			r.terms, oack.Options = Negotiate(req.Options, req.Mode, int64(w.size), w.limits)
			r.blocks = uint64(w.size/r.terms.Blksize + 1)
			s = NewSender(SenderConfig{
				Windowsize: r.terms.Windowsize, Rollover: r.terms.Rollover, OACK: len(oack.Options) > 0,
				Timeout: r.terms.Timeout, Fixed: r.terms.TimeoutAsked, Retries: w.retries,
			})
			act(s.Step(n.now, start))
			more()
		case !toClient && op == OpACK:
			a, err := ParseAck(wire)
			if err != nil {
				t.Fatalf("seed %d: %q: %v", seed, wire, err)
			}
			if s != nil {
				act(s.Step(n.now, ack(a.Block)))
			}
		case !toClient && op == OpERROR:
			e, err := ParseError(wire)
			if err != nil {
				t.Fatalf("seed %d: %q: %v", seed, wire, err)
			}
			act(s.Step(n.now, Event{Kind: EventError, Err: e}))
		case toClient && r.receiver.Done && !n.now.Before(r.receiver.Wake):
			// The client has gone, after its dally period.
			if w.icmp {
				act(s.Step(n.now, unreachable))
			}
		case toClient && op == OpDATA:
			d, err := ParseData(wire)
			if err != nil {
				t.Fatalf("seed %d: %q: %v", seed, wire, err)
			}
			reply(c.Step(n.now, Event{Kind: EventData, Block: d.Block, Payload: d.Payload}))
		case toClient && op == OpOACK:
			o, err := ParseOACK(wire)
			if err != nil {
				t.Fatalf("seed %d: %q: %v", seed, wire, err)
			}
			reply(c.Step(n.now, Event{Kind: EventOACK, Options: o.Options}))
		default:
			t.Fatalf("seed %d: %q to the wrong end", seed, wire)
		}
	}

	began := n.now
	reply(c.Step(n.now, start))
	for {
		r.steps++
		if r.steps > 5_000_000 {
			t.Fatalf("seed %d: no end in sight: %+v, %+v", seed, r.sender, r.receiver)
		}
		// The next thing that happens; earlier cases first at the same time.
		var at time.Time
		what := 0
		next := func(when time.Time, kind int) {
			if !when.IsZero() && (what == 0 || when.Before(at)) {
				at, what = when, kind
			}
		}
		if len(n.queue) > 0 {
			next(n.queue[0].at, 1)
		}
		next(content, 2)
		next(r.sender.Wake, 3)
		if !r.receiver.Done {
			next(r.receiver.Wake, 4)
		}
		if what == 0 {
			break
		}
		n.now = at
		switch what {
		case 1:
			f := heap.Pop(&n.queue).(flight)
			arrive(f.wire, f.toClient)
		case 2:
			more()
		case 3:
			act(s.Step(n.now, Event{Kind: EventTimer}))
		case 4:
			reply(c.Step(n.now, Event{Kind: EventTimer}))
		}
	}
	r.took = n.now.Sub(began)

	if !r.receiver.Done || s != nil && !r.sender.Done {
		t.Fatalf("seed %d: all is quiet, and not over: %+v, %+v", seed, r.sender, r.receiver)
	}
	if r.receiver.Outcome == Complete && r.received != w.size {
		t.Fatalf("seed %d: complete with %d of %d bytes", seed, r.received, w.size)
	}
	if r.sender.Outcome == Complete && r.receiver.Outcome != Complete {
		t.Fatalf("seed %d: complete for the sender, %v for the receiver", seed, r.receiver.Outcome)
	}
	if o := r.receiver.Outcome; o != Complete && o != TimedOut {
		t.Fatalf("seed %d: %v for the receiver", seed, o)
	}
	if o := r.sender.Outcome; o != Complete && o != TimedOut && !(o == PeerGone && w.icmp) && !(o == OutcomeNone && s == nil) {
		t.Fatalf("seed %d: %v for the sender", seed, o)
	}
	return r
}
