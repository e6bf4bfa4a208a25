package protocol

import (
	"testing"
	"time"
)

// FuzzSender reads each byte as an event and checks what holds after any of
// them.
func FuzzSender(f *testing.F) {
	for _, tt := range senderScripts {
		var program []byte
		for _, step := range tt.steps {
			switch step.ev.Kind {
			case EventTimer:
				program = append(program, 1)
			case EventAck:
				program = append(program, 2, byte(step.ev.Block))
			case EventContent:
				program = append(program, 3, byte(step.ev.Blocks))
			case EventStart:
				program = append(program, 0)
			case EventError:
				program = append(program, 6, byte(step.ev.Err.Code))
			}
		}
		f.Add(program, tt.config.Windowsize, tt.config.Rollover, tt.config.OACK, tt.config.Fixed, tt.config.Retries)
	}
	f.Fuzz(func(t *testing.T, program []byte, window int, rollover uint16, oack, fixed bool, retries int) {
		retries = int(uint(retries) % 8)
		s := NewSender(SenderConfig{Windowsize: window, Rollover: rollover, OACK: oack, Fixed: fixed, Retries: retries})
		limit := uint64(min(max(window, 1), MaxWindowsize))
		now := time.Unix(0, 0)
		var avail, sent, acked uint64
		var final, started bool
		var before int // packets sent before a valid ACK
		var last Action
		for len(program) > 0 {
			op, arg := program[0], uint64(0)
			if program = program[1:]; len(program) > 0 && op%8 >= 2 {
				arg, program = uint64(program[0]), program[1:]
			}
			ev := Event{}
			switch op % 8 {
			case 0:
				ev.Kind, started = EventStart, true
			case 1:
				ev.Kind = EventTimer
				if !last.Wake.IsZero() && op < 128 {
					now = last.Wake
				} else {
					now = now.Add(time.Millisecond)
				}
			case 2:
				ev = ack(uint16(arg))
			case 3:
				ev = Event{Kind: EventContent, Blocks: avail + arg, Final: op > 128}
			case 4:
				ev = ack(s.Wire(acked + arg%(limit+2)))
			case 5:
				ev = ack(s.Wire(sent))
			case 6:
				ev = peerError(ErrorCode(arg % 9))
				if op < 200 {
					ev.Kind = EventTimer
				}
			case 7:
				ev = Event{Kind: EventKind(arg)}
				started = started || ev.Kind == EventStart
			}
			if ev.Kind == EventContent && !final && !last.Done {
				avail = max(avail, ev.Blocks)
				if final = ev.Final; final {
					avail = max(avail, 1)
				}
			}
			confirmed := s.Confirmed()
			a := s.Step(now, ev)

			if last.Done && a != last {
				t.Fatalf("after %+v came %+v", last, a)
			}
			if a.Done && (a.OACK || a.Count != 0 || !a.Wake.IsZero() || a.Outcome == OutcomeNone) || !a.Done && a.Outcome != OutcomeNone {
				t.Fatalf("an end that is none: %+v", a)
			}
			if a.OACK && (!oack || s.Confirmed() || a.Count != 0) || a.Count > 0 && !started {
				t.Fatalf("sends what nobody waits for: %+v", a)
			}
			if s.Acked() < acked || s.Acked() > sent {
				t.Fatalf("acked %d after %d, sent %d", s.Acked(), acked, sent)
			}
			if s.Confirmed() != confirmed && ev.Kind != EventAck {
				t.Fatalf("confirmed by %+v", ev)
			}
			acked = s.Acked()
			if end := a.First + uint64(a.Count) - 1; a.Count > 0 {
				nudges := ev.Kind == EventTimer && a.First == acked && sent == acked && avail == acked && a.Count == 1 && a.Again == 1
				if !nudges && (a.First <= acked || a.First > sent+1 || end > avail || end > acked+limit || a.Again != int(sent-a.First+1) || end < sent) {
					t.Fatalf("acked %d, sent %d of %d, window %d: sends %d to %d, again %d", acked, sent, avail, limit, a.First, end, a.Again)
				}
				sent = end
			} else if a.Count < 0 || a.First != 0 {
				t.Fatalf("no block from %d", a.First)
			}
			if !s.Confirmed() {
				if before += a.Count; a.OACK {
					before++
				}
				if before > 1+retries || sent > 1 {
					t.Fatalf("%d packets up to block %d to a peer that never answered, %d retries", before, sent, retries)
				}
			}
			full := sent == acked+limit || !s.Confirmed() && !oack
			if waits := started && !a.Done && (oack && !s.Confirmed() || sent > acked && (full || final && sent == avail)); !a.Done && waits != s.timer.running() || started != !a.Wake.IsZero() && !a.Done {
				t.Fatalf("acked %d, sent %d of %d (%v): wakes at %v", acked, sent, avail, final, a.Wake)
			}
			if a.Outcome == Complete && (!final || acked != avail) {
				t.Fatalf("complete at %d of %d (%v)", acked, avail, final)
			}
			last = a
		}
	})
}
