package protocol

import (
	"bytes"
	"testing"
	"time"
)

// FuzzReceiver reads each byte as an event and checks what holds after any of
// them: whatever a server sends, content comes in order, each block once, and no
// block is acknowledged that is not there.
func FuzzReceiver(f *testing.F) {
	for _, tt := range receiverScripts {
		var program []byte
		for _, step := range tt.steps {
			switch step.ev.Kind {
			case EventStart:
				program = append(program, 0)
			case EventTimer:
				program = append(program, 1)
			case EventData:
				program = append(program, 2, byte(step.ev.Block), byte(len(step.ev.Payload)))
			case EventOACK:
				program = append(program, 4)
			case EventError:
				program = append(program, 5)
			case EventUnreachable:
				program = append(program, 6)
			}
		}
		f.Add(program, tt.asked, tt.asked, 2)
	}
	f.Add([]byte{0, 4, 3, 8, 3, 8, 3, 7}, "blksize=8 rollover=0", "blksize=8 rollover=0", 0)
	f.Fuzz(func(t *testing.T, program []byte, asked, acked string, retries int) {
		retries = int(uint(retries) % 8)
		r := NewReceiver(ReceiverConfig{Options: opts(asked), Retries: retries})
		now := time.Unix(0, 0)
		var last Reply
		var started bool
		var blocks uint64
		var requests, again int // by the timer, without anything new
		next := func() (b byte) {
			if len(program) > 0 {
				b, program = program[0], program[1:]
			}
			return b
		}
		for len(program) > 0 {
			op := next()
			ev := Event{}
			switch op % 7 {
			case 0:
				ev.Kind, started = EventStart, true
			case 1:
				ev.Kind = EventTimer
				if !last.Wake.IsZero() && op < 128 {
					now = last.Wake
				} else {
					now = now.Add(time.Millisecond)
				}
			case 2: // any block
				ev = Event{Kind: EventData, Block: uint16(next()), Payload: bytes.Repeat([]byte{op}, int(next()))}
			case 3: // the next, or one about it
				n := r.seq().wire(blocks + 1 + uint64(op/7%3))
				ev = Event{Kind: EventData, Block: n, Payload: bytes.Repeat([]byte{op}, min(r.Terms().Blksize, int(next())))}
			case 4:
				ev = oackEvent(acked)
			case 5:
				ev = peerError(ErrorCode(op % 9))
			case 6:
				ev.Kind = EventUnreachable
				if op < 200 {
					ev.Kind = EventKind(op)
					started = started || ev.Kind == EventStart
				}
			}
			reply := r.Step(now, ev)

			if last.Done {
				if !reply.Done || reply.Outcome != last.Outcome || reply.RRQ || reply.Refuse || reply.Payload != nil ||
					reply.Ack && (reply.Outcome != Complete || reply.Block != r.seq().wire(blocks)) {
					t.Fatalf("after %+v came %+v", last, reply)
				}
				last = reply
				continue
			}
			if !started && (reply.RRQ || reply.Ack || reply.Payload != nil) {
				t.Fatalf("not started, and %+v", reply)
			}
			got := r.Received()
			switch {
			case got == blocks:
				if len(reply.Payload) > 0 {
					t.Fatalf("%d blocks, and content from none: %+v", got, reply)
				}
			case got != blocks+1 || ev.Kind != EventData || ev.Block != r.seq().wire(got) || !bytes.Equal(reply.Payload, ev.Payload):
				t.Fatalf("%d blocks after %d by %+v: %+v", got, blocks, ev, reply)
			case len(ev.Payload) > r.Terms().Blksize || (len(ev.Payload) < r.Terms().Blksize) != (reply.Outcome == Complete):
				t.Fatalf("a block of %d bytes, blksize %d: %+v", len(ev.Payload), r.Terms().Blksize, reply)
			}
			if reply.Outcome == Complete && (got == blocks || !reply.Ack) {
				t.Fatalf("complete by %+v: %+v", ev, reply)
			}
			if reply.Ack && reply.Block != r.seq().wire(got) {
				t.Fatalf("%d blocks are there, and acknowledged is %d", got, reply.Block)
			}
			if reply.Refuse != (reply.Outcome == Refused) || reply.Done != (reply.Outcome != OutcomeNone) {
				t.Fatalf("an end that is none: %+v", reply)
			}
			if reply.RRQ {
				if requests++; got > 0 || requests > 1+retries {
					t.Fatalf("request %d, %d retries, %d blocks", requests, retries, got)
				}
			}
			switch {
			case got > blocks || ev.Kind == EventOACK:
				again = 0
			case ev.Kind == EventTimer && (reply.Ack || reply.RRQ):
				if again++; again > retries {
					t.Fatalf("the timer sends for the %dth time without anything new, %d retries", again, retries)
				}
			}
			if started && !reply.Done && reply.Wake.IsZero() {
				t.Fatalf("it waits, and does not wake: %+v", reply)
			}
			blocks, last = got, reply
		}
	})
}
