package protocol

import (
	"container/heap"
	"fmt"
	"testing"
	"time"
)

// bottleneck is a slow link that several transfers share, in virtual time: a
// queue with room for less than all their windows, which drops what comes when
// it is full. Nothing else is lost.
type bottleneck struct {
	now    time.Time
	events happenings
	seq    int
	queued int
	free   time.Time // when the link has sent what is queued
}

const (
	bottleneckRoom  = 50                   // packets
	bottleneckDelay = 5 * time.Millisecond // each way
	bottleneckEach  = 1460 * 8 * time.Second / 10_000_000
)

type happening struct {
	at  time.Time
	seq int // breaks ties
	do  func()
}

type happenings []happening

func (h happenings) Len() int { return len(h) }
func (h happenings) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].seq < h[j].seq
}
func (h happenings) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *happenings) Push(x any)   { *h = append(*h, x.(happening)) }
func (h *happenings) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func (b *bottleneck) at(when time.Time, do func()) {
	b.seq++
	heap.Push(&b.events, happening{when, b.seq, do})
}

// carry delivers one packet, or drops it.
func (b *bottleneck) carry(deliver func()) {
	if b.queued == bottleneckRoom {
		return
	}
	b.queued++
	if b.free.Before(b.now) {
		b.free = b.now
	}
	b.free = b.free.Add(bottleneckEach)
	b.at(b.free, func() { b.queued-- })
	b.at(b.free.Add(bottleneckDelay), deliver)
}

func (b *bottleneck) run(until time.Time) {
	for len(b.events) > 0 && b.events[0].at.Before(until) {
		h := heap.Pop(&b.events).(happening)
		b.now = h.at
		h.do()
	}
}

// transfer runs one without end through b.
func (b *bottleneck) transfer(options string) *Sender {
	terms, acked := Negotiate(opts(options), Octet, -1, Limits{Timeout: time.Second})
	s := NewSender(SenderConfig{Windowsize: terms.Windowsize, OACK: true, Retries: 5})
	r := NewReceiver(ReceiverConfig{Options: opts(options), Timeout: time.Second, Retries: 5})
	payload := make([]byte, terms.Blksize)
	var sends, replies int // a timer that was set anew is void
	var send func(Action)
	var reply func(Reply)
	reply = func(a Reply) {
		if a.Ack {
			b.at(b.now.Add(bottleneckDelay), func() { send(s.Step(b.now, ack(a.Block))) })
		}
		replies++
		if n := replies; !a.Wake.IsZero() {
			b.at(a.Wake, func() {
				if n == replies {
					reply(r.Step(b.now, timer))
				}
			})
		}
	}
	send = func(a Action) {
		if a.OACK {
			b.carry(func() { reply(r.Step(b.now, Event{Kind: EventOACK, Options: acked})) })
		}
		for n := a.First; n < a.First+uint64(a.Count); n++ {
			ev := Event{Kind: EventData, Block: s.Wire(n), Payload: payload}
			b.carry(func() { reply(r.Step(b.now, ev)) })
		}
		sends++
		if n := sends; !a.Wake.IsZero() {
			b.at(a.Wake, func() {
				if n == sends {
					send(s.Step(b.now, timer))
				}
			})
		}
	}
	r.Step(b.now, start)
	s.Step(b.now, content(1<<40))
	send(s.Step(b.now, start))
	return s
}

// TestNoCollapseWhereWindowsDoNotFit: what a full queue drops is the tail of a
// window. A server that repeats the whole window for a late ACK fills the link
// with copies, and one that never measures its round trip falls silent.
func TestNoCollapseWhereWindowsDoNotFit(t *testing.T) {
	for _, tt := range []struct{ clients, window int }{{8, 1}, {8, 4}, {8, 16}, {30, 16}, {1, 64}, {4, 64}, {8, 64}, {2, 128}} {
		t.Run(fmt.Sprintf("%d clients, window %d", tt.clients, tt.window), func(t *testing.T) {
			t.Parallel()
			b := &bottleneck{now: time.Unix(0, 0)}
			end := b.now.Add(20 * time.Second)
			var senders []*Sender
			for range tt.clients {
				b.run(b.now.Add(time.Millisecond))
				senders = append(senders, b.transfer(fmt.Sprintf("blksize=1428 windowsize=%d", tt.window)))
			}
			b.run(end)
			var blocks uint64
			for _, s := range senders {
				if s.end.Done {
					t.Errorf("a transfer ended: %+v", s.end)
				}
				blocks += s.Acked()
			}
			possible := min(1, float64(tt.clients*tt.window)*float64(bottleneckEach)/float64(2*bottleneckDelay+bottleneckEach))
			t.Logf("%.3f", float64(blocks)*float64(bottleneckEach)/float64(20*time.Second))
			if share := float64(blocks) * float64(bottleneckEach) / float64(20*time.Second); share < 0.8*possible {
				t.Errorf("%.2f of the link was used, want 0.8 of %.2f", share, possible)
			}
		})
	}
}
