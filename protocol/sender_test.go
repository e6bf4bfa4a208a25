package protocol

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var (
	start       = Event{Kind: EventStart}
	unreachable = Event{Kind: EventUnreachable}
	timer       = Event{Kind: EventTimer} // in a script: at the time of Wake
)

func ack(block uint16) Event      { return Event{Kind: EventAck, Block: block} }
func content(blocks uint64) Event { return Event{Kind: EventContent, Blocks: blocks} }
func whole(blocks uint64) Event   { return Event{Kind: EventContent, Blocks: blocks, Final: true} }
func peerError(code ErrorCode) Event {
	return Event{Kind: EventError, Err: Error{Code: code, Message: "m"}}
}
func block(n uint16, s string) Event { return Event{Kind: EventData, Block: n, Payload: []byte(s)} }
func oackEvent(acked string) Event   { return Event{Kind: EventOACK, Options: opts(acked)} }
func (a Action) brief(now time.Time) string {
	var words []string
	if a.OACK {
		words = append(words, "OACK")
	}
	if a.Count > 0 {
		words = append(words, fmt.Sprintf("%d-%d", a.First, a.First+uint64(a.Count)-1))
	}
	if a.Again > 0 {
		words = append(words, fmt.Sprintf("again %d", a.Again))
	}
	if !a.Wake.IsZero() {
		words = append(words, "+"+a.Wake.Sub(now).String())
	}
	if a.Done {
		words = append(words, a.Outcome.String())
	}
	if a.Err != (Error{}) {
		words = append(words, fmt.Sprintf("(%d)", a.Err.Code))
	}
	return strings.Join(words, " ")
}

type senderStep struct {
	ev    Event
	want  string        // Action.brief
	after time.Duration // since the step before; a timer with none comes when it is due
}

var senderScripts = []struct {
	name   string
	config SenderConfig
	steps  []senderStep
}{
	{"lock-step: each ACK brings the next block, the last ACK ends it", SenderConfig{Retries: 2}, []senderStep{
		{ev: start}, {ev: whole(3), want: "1-1 +1s"}, {ev: ack(1), want: "2-2 +1s"}, {ev: ack(2), want: "3-3 +1s"}, {ev: ack(3), want: "complete"},
	}},
	{"lock-step: a repeated ACK never causes a resend (RFC 1123 4.2.3.1)", SenderConfig{Retries: 2}, []senderStep{
		{ev: whole(3)},
		{ev: start, want: "1-1 +1s"},
		{ev: ack(1), want: "2-2 +1s"},
		{ev: ack(1), want: "+1s"},
		{ev: ack(1), want: "+1s"},
		{ev: ack(1), want: "+1s"},
	}},
	{"an ACK that means nothing does not move the timer", SenderConfig{Retries: 2}, []senderStep{
		{ev: whole(3)},
		{ev: start, want: "1-1 +1s"},
		{ev: ack(7), want: "+700ms", after: 300 * time.Millisecond},
		{ev: ack(0), want: "+400ms", after: 300 * time.Millisecond},
	}},
	{"ACK 0 without OACK is worth nothing", SenderConfig{Windowsize: 4, Retries: 1}, []senderStep{
		{ev: whole(3)},
		{ev: start, want: "1-1 +1s"},
		{ev: ack(0), want: "+1s"},
		{ev: ack(0), want: "+1s"},
		{ev: timer, want: "1-1 again 1 +2s"},
		{ev: ack(0), want: "+2s"},
		{ev: timer, want: "timed-out"},
	}},
	{"the timer resends with back-off and gives up", SenderConfig{Retries: 3}, []senderStep{
		{ev: whole(1)},
		{ev: start, want: "1-1 +1s"},
		{ev: timer, want: "1-1 again 1 +2s"},
		{ev: timer, want: "1-1 again 1 +4s"},
		{ev: timer, want: "1-1 again 1 +8s"},
		{ev: timer, want: "timed-out"},
		{ev: ack(1), want: "timed-out"},
	}},
	{"a negotiated timeout has no back-off", SenderConfig{Timeout: 3 * time.Second, Fixed: true, Retries: 2}, []senderStep{
		{ev: whole(1)}, {ev: start, want: "1-1 +3s"}, {ev: timer, want: "1-1 again 1 +3s"}, {ev: timer, want: "1-1 again 1 +3s"}, {ev: timer, want: "timed-out"},
	}},
	{"zero retries means one packet", SenderConfig{}, []senderStep{{ev: whole(1)}, {ev: start, want: "1-1 +1s"}, {ev: timer, want: "timed-out"}}},
	{"progress sets tries and back-off back", SenderConfig{Retries: 1}, []senderStep{
		{ev: whole(3)},
		{ev: start, want: "1-1 +1s"},
		{ev: timer, want: "1-1 again 1 +2s"},
		{ev: ack(1), want: "2-2 +1s"},
		{ev: timer, want: "2-2 again 1 +2s"},
		{ev: ack(2), want: "3-3 +1s"},
	}},
	{"a timer event before Wake does nothing", SenderConfig{Retries: 1}, []senderStep{
		{ev: whole(1)},
		{ev: start, want: "1-1 +1s"},
		{ev: timer, want: "+1ms", after: 999 * time.Millisecond},
		{ev: timer, want: "1-1 again 1 +2s", after: time.Millisecond},
	}},
	{"the empty content is one empty block", SenderConfig{}, []senderStep{{ev: start}, {ev: whole(0), want: "1-1 +1s"}, {ev: ack(1), want: "complete"}}},
	{"ACKs before the start mean nothing", SenderConfig{}, []senderStep{{ev: whole(2)}, {ev: ack(0)}, {ev: ack(1)}, {ev: start, want: "1-1 +1s"}}},
	{"a second start does nothing", SenderConfig{Retries: 1}, []senderStep{{ev: whole(2)}, {ev: start, want: "1-1 +1s"}, {ev: start, want: "+1s"}}},
	{"the final ACK ends it, late ones too", SenderConfig{Retries: 1}, []senderStep{
		{ev: whole(1)}, {ev: start, want: "1-1 +1s"}, {ev: timer, want: "1-1 again 1 +2s"}, {ev: ack(1), want: "complete"}, {ev: ack(1), want: "complete"}, {ev: timer, want: "complete"},
	}},

	{"OACK goes first and ACK 0 answers it", SenderConfig{OACK: true, Retries: 1}, []senderStep{
		{ev: whole(1)}, {ev: start, want: "OACK +1s"}, {ev: ack(0), want: "1-1 +1s"}, {ev: ack(1), want: "complete"},
	}},
	{"OACK lost: resent by the timer only, and bounded", SenderConfig{OACK: true, Retries: 2, Windowsize: 8}, []senderStep{
		{ev: whole(9)}, {ev: start, want: "OACK +1s"}, {ev: timer, want: "OACK again 1 +2s"}, {ev: timer, want: "OACK again 1 +4s"}, {ev: timer, want: "timed-out"},
	}},
	{"only ACK 0 answers an OACK", SenderConfig{OACK: true, Retries: 2, Windowsize: 8}, []senderStep{
		{ev: whole(9)}, {ev: start, want: "OACK +1s"}, {ev: ack(1), want: "+1s"}, {ev: ack(8), want: "+1s"}, {ev: ack(65535), want: "+1s"}, {ev: ack(0), want: "1-8 +1s"},
	}},
	{"content waits for ACK 0", SenderConfig{OACK: true, Windowsize: 2}, []senderStep{
		{ev: start, want: "OACK +1s"}, {ev: content(1), want: "+1s"}, {ev: ack(0), want: "1-1"}, {ev: content(2), want: "2-2 +1s"},
	}},
	{"ACK 0 finds no content yet: nothing to wait for", SenderConfig{OACK: true, Retries: 1}, []senderStep{
		{ev: start, want: "OACK +1s"}, {ev: ack(0)}, {ev: timer, after: time.Second}, {ev: ack(0)}, {ev: content(1), want: "1-1 +1s"},
	}},
	{"the echo of a resent OACK is no loss", SenderConfig{OACK: true, Windowsize: 4, Retries: 2}, []senderStep{
		{ev: whole(9)},
		{ev: start, want: "OACK +1s"},
		{ev: timer, want: "OACK again 1 +2s"},
		{ev: ack(0), want: "1-4 +1s"},
		{ev: ack(0), want: "+1s"},
		{ev: ack(0), want: "1-4 again 4 +1s"},
		{ev: ack(0), want: "+1s"},
	}},

	{"ERROR 8 after OACK is declined", SenderConfig{OACK: true}, []senderStep{{ev: start, want: "OACK +1s"}, {ev: peerError(8), want: "declined (8)"}, {ev: ack(0), want: "declined (8)"}}},
	{"ERROR 0 after OACK is declined", SenderConfig{OACK: true}, []senderStep{{ev: start, want: "OACK +1s"}, {ev: peerError(0), want: "declined (0)"}}},
	{"ERROR 3 after OACK is an error", SenderConfig{OACK: true}, []senderStep{{ev: start, want: "OACK +1s"}, {ev: peerError(3), want: "peer-error (3)"}}},
	{"ERROR 8 after ACK 0 is an error", SenderConfig{OACK: true}, []senderStep{{ev: start, want: "OACK +1s"}, {ev: ack(0)}, {ev: peerError(8), want: "peer-error (8)"}}},
	{"ERROR 8 without OACK is an error", SenderConfig{}, []senderStep{{ev: whole(1)}, {ev: start, want: "1-1 +1s"}, {ev: peerError(8), want: "peer-error (8)"}}},
	{"ERROR before the start ends it", SenderConfig{OACK: true}, []senderStep{{ev: peerError(8), want: "peer-error (8)"}, {ev: start, want: "peer-error (8)"}}},
	{"unreachable is gone", SenderConfig{OACK: true}, []senderStep{{ev: start, want: "OACK +1s"}, {ev: unreachable, want: "peer-gone"}, {ev: peerError(1), want: "peer-gone"}}},

	{"window: one ACK for all of it", SenderConfig{OACK: true, Windowsize: 4}, []senderStep{
		{ev: whole(10)}, {ev: start, want: "OACK +1s"}, {ev: ack(0), want: "1-4 +1s"}, {ev: ack(4), want: "5-8 +1s"}, {ev: ack(8), want: "9-10 +1s"}, {ev: ack(10), want: "complete"},
	}},
	{"window: the last block may be in the middle", SenderConfig{OACK: true, Windowsize: 8}, []senderStep{
		{ev: whole(3)}, {ev: start, want: "OACK +1s"}, {ev: ack(0), want: "1-3 +1s"}, {ev: ack(3), want: "complete"},
	}},
	{"window: an ACK inside restarts after it", SenderConfig{OACK: true, Windowsize: 4}, []senderStep{
		{ev: whole(10)}, {ev: start, want: "OACK +1s"}, {ev: ack(0), want: "1-4 +1s"}, {ev: ack(2), want: "3-6 again 2 +1s"}, {ev: ack(6), want: "7-10 +1s"},
	}},
	{"window: the ACK before it resends it once", SenderConfig{OACK: true, Windowsize: 4, Retries: 1}, []senderStep{
		{ev: whole(20)},
		{ev: start, want: "OACK +1s"},
		{ev: ack(0), want: "1-4 +1s"},
		{ev: ack(4), want: "5-8 +1s"},
		{ev: ack(4), want: "5-8 again 4 +1s"},
		{ev: ack(4), want: "+1s"},
		{ev: ack(4), want: "+1s"},
		{ev: ack(8), want: "9-12 +1s"},
	}},
	{"window: stale and future ACKs do nothing", SenderConfig{OACK: true, Windowsize: 4}, []senderStep{
		{ev: whole(20)},
		{ev: start, want: "OACK +1s"},
		{ev: ack(0), want: "1-4 +1s"},
		{ev: ack(4), want: "5-8 +1s"},
		{ev: ack(3), want: "+1s"},
		{ev: ack(0), want: "+1s"},
		{ev: ack(9), want: "+1s"},
		{ev: ack(40000), want: "+1s"},
	}},
	{"window: the timer asks by its last block, then resends all of it", SenderConfig{OACK: true, Windowsize: 4, Retries: 2}, []senderStep{
		{ev: whole(20)},
		{ev: start, want: "OACK +1s"},
		{ev: ack(0), want: "1-4 +1s"},
		{ev: timer, want: "4-4 again 1 +2s"},
		{ev: timer, want: "1-4 again 4 +4s"},
		{ev: ack(4), want: "5-8 +1s"},
	}},
	{"window: asked, the receiver says that only the end was lost", SenderConfig{OACK: true, Windowsize: 4, Retries: 2}, []senderStep{
		{ev: whole(20)},
		{ev: start, want: "OACK +1s"},
		{ev: ack(0), want: "1-4 +1s"},
		{ev: timer, want: "4-4 again 1 +2s"},
		{ev: ack(2), want: "3-6 again 2 +20ms"},
		{ev: ack(6), want: "7-10 +20ms"},
	}},
	{"window: asked, the receiver says that all of it was lost", SenderConfig{OACK: true, Windowsize: 4, Retries: 2}, []senderStep{
		{ev: whole(20)},
		{ev: start, want: "OACK +1s"},
		{ev: ack(0), want: "1-4 +1s"},
		{ev: timer, want: "4-4 again 1 +2s"},
		{ev: ack(0), want: "1-4 again 4 +2s"},
		{ev: ack(0), want: "+2s"},
		{ev: ack(4), want: "5-8 +1s"},
	}},
	{"window: a receiver that answers no question is asked twice", SenderConfig{OACK: true, Windowsize: 4, Retries: 2}, []senderStep{
		{ev: whole(20)},
		{ev: start, want: "OACK +1s"},
		{ev: ack(0), want: "1-4 +1s"},
		{ev: timer, want: "4-4 again 1 +2s"},
		{ev: timer, want: "1-4 again 4 +4s"},
		{ev: ack(4), want: "5-8 +1s"},
		{ev: timer, want: "8-8 again 1 +2s"},
		{ev: timer, want: "5-8 again 4 +4s"},
		{ev: ack(8), want: "9-12 +1s"},
		{ev: timer, want: "9-12 again 4 +2s"},
		{ev: timer, want: "9-12 again 4 +4s"},
	}},
	{"window: of one block in flight there is nothing to ask", SenderConfig{OACK: true, Windowsize: 4, Retries: 2}, []senderStep{
		{ev: whole(5)},
		{ev: start, want: "OACK +1s"},
		{ev: ack(0), want: "1-4 +1s"},
		{ev: ack(4), want: "5-5 +1s"},
		{ev: timer, want: "5-5 again 1 +2s"},
		{ev: timer, want: "5-5 again 1 +4s"},
	}},
	{"window: echoes of a spurious timeout are no loss, one for the window", SenderConfig{OACK: true, Windowsize: 4, Retries: 2}, []senderStep{
		{ev: whole(20)},
		{ev: start, want: "OACK +1s"},
		{ev: ack(0), want: "1-4 +1s"},
		{ev: timer, want: "4-4 again 1 +2s"},
		{ev: timer, want: "1-4 again 4 +4s"},
		{ev: ack(4), want: "5-8 +1s"},
		{ev: ack(4), want: "+1s"},
		{ev: ack(8), want: "9-12 +1s"},
		{ev: ack(8), want: "9-12 again 4 +1s"},
	}},
	{"window: nor one for each of its blocks, as EDK2 sends them", SenderConfig{OACK: true, Windowsize: 4, Retries: 2}, []senderStep{
		{ev: whole(20)},
		{ev: start, want: "OACK +1s"},
		{ev: ack(0), want: "1-4 +1s"},
		{ev: timer, want: "4-4 again 1 +2s"},
		{ev: timer, want: "1-4 again 4 +4s"},
		{ev: ack(4), want: "5-8 +1s"},
		{ev: ack(4), want: "+1s"},
		{ev: ack(4), want: "+1s"},
		{ev: ack(4), want: "+1s"},
		{ev: ack(4), want: "+1s"},
		{ev: ack(4), want: "+1s"},
		{ev: ack(4), want: "5-8 again 4 +1s"},
	}},
	{"window: echoes of one resent for a duplicate are no loss", SenderConfig{OACK: true, Windowsize: 4, Retries: 2}, []senderStep{
		{ev: whole(20)},
		{ev: start, want: "OACK +1s"},
		{ev: ack(0), want: "1-4 +1s"},
		{ev: ack(0), want: "1-4 again 4 +1s"},
		{ev: ack(4), want: "5-8 +1s"},
		{ev: ack(4), want: "+1s"},
	}},
	{"window: each block in flight behind a gap reports it", SenderConfig{OACK: true, Windowsize: 6}, []senderStep{
		{ev: whole(20)}, {ev: start, want: "OACK +1s"}, {ev: ack(0), want: "1-6 +1s"}, // 3 is lost; 4, 5 and 6 say ACK 2
		{ev: ack(2), want: "3-8 again 4 +1s"}, {ev: ack(2), want: "+1s"}, {ev: ack(2), want: "+1s"}, {ev: ack(2), want: "3-8 again 6 +1s"},
	}},

	{"window: the echo of a needless restart does not restart it again", SenderConfig{OACK: true, Windowsize: 8}, []senderStep{
		// 3 came twice, and EDK2 says so; all of 1 to 8 arrived.
		{ev: whole(99)},
		{ev: start, want: "OACK +1s"},
		{ev: ack(0), want: "1-8 +1s"},
		{ev: ack(3), want: "4-11 again 5 +1s"},
		{ev: ack(8), want: "12-16 +1s"},
		{ev: ack(8), want: "+1s"},
		{ev: ack(16), want: "17-24 +1s"},
	}},
	{"window: the timer starts anew with such an echo", SenderConfig{OACK: true, Windowsize: 4, Retries: 1}, []senderStep{
		{ev: whole(5)},
		{ev: start, want: "OACK +1s"},
		{ev: ack(0), want: "1-4 +1s"},
		{ev: ack(2), want: "3-5 again 2 +1s"},
		{ev: ack(4), want: "+1s", after: 700 * time.Millisecond},
		{ev: timer, want: "5-5 again 1 +2s"},
		{ev: ack(5), want: "complete"},
	}},

	{"slow source: blocks go as they come, the timer runs when the window is full", SenderConfig{OACK: true, Windowsize: 4, Retries: 1}, []senderStep{
		{ev: start, want: "OACK +1s"},
		{ev: ack(0)},
		{ev: content(1), want: "1-1"},
		{ev: content(3), want: "2-3"},
		{ev: content(3)},
		{ev: content(2)},
		{ev: content(9), want: "4-4 +1s"},
		{ev: ack(4), want: "5-8 +1s"},
	}},
	{"slow source: the receiver acknowledges what it has, and nothing is in flight", SenderConfig{OACK: true, Windowsize: 4, Retries: 1}, []senderStep{
		{ev: start, want: "OACK +1s"},
		{ev: ack(0)},
		{ev: content(3), want: "1-3"},
		{ev: ack(2), want: "3-3 again 1"},
		{ev: ack(3)},
		{ev: ack(3)},
		{ev: content(5), want: "4-5"},
		{ev: whole(6), want: "6-6 +1s"},
		{ev: ack(6), want: "complete"},
	}},
	{"slow source: the end comes to light late", SenderConfig{OACK: true, Windowsize: 4, Retries: 1}, []senderStep{
		{ev: start, want: "OACK +1s"}, {ev: ack(0)}, {ev: content(2), want: "1-2"}, {ev: whole(2), want: "+1s"}, {ev: ack(2), want: "complete"},
	}},
	{"slow source: the end comes to light after its ACK", SenderConfig{Retries: 1}, []senderStep{
		{ev: start}, {ev: content(1), want: "1-1 +1s"}, {ev: ack(1)}, {ev: whole(1), want: "complete"},
	}},
	{"slow source: in lock-step each block has its timer", SenderConfig{Retries: 1}, []senderStep{
		{ev: start}, {ev: content(1), want: "1-1 +1s"}, {ev: content(5), want: "+1s"}, {ev: ack(1), want: "2-2 +1s"},
	}},
	{"content does not grow after its end", SenderConfig{Retries: 1}, []senderStep{
		{ev: start}, {ev: whole(1), want: "1-1 +1s"}, {ev: content(5), want: "+1s"}, {ev: ack(1), want: "complete"},
	}},
}

func TestSender(t *testing.T) {
	for _, tt := range senderScripts {
		t.Run(tt.name, func(t *testing.T) {
			s := NewSender(tt.config)
			now := time.Unix(0, 0)
			var wake time.Time
			for i, step := range tt.steps {
				now = now.Add(step.after)
				if step.ev.Kind == EventTimer && step.after == 0 && !wake.IsZero() {
					now = wake
				}
				s.probe = probe{} // the scripts keep their times: the round trip has tests of its own
				a := s.Step(now, step.ev)
				wake = a.Wake
				if !s.timer.running() { // what bounds the peer's silence has a test of its own
					a.Wake = time.Time{}
				}
				if got := a.brief(now); got != step.want {
					t.Fatalf("step %d, %+v: got %q, want %q", i, step.ev, got, step.want)
				}
			}
		})
	}
}

func TestSenderRollsOver(t *testing.T) {
	for _, rollover := range []uint16{0, 1} {
		for _, window := range []int{1, 5, 64} {
			t.Run(fmt.Sprintf("to %d, window %d", rollover, window), func(t *testing.T) {
				const last = 200_000
				s := NewSender(SenderConfig{Windowsize: window, Rollover: rollover, OACK: true})
				s.Step(time.Time{}, whole(last))
				s.Step(time.Time{}, start)
				a := s.Step(time.Time{}, ack(0))
				for want := uint64(1); !a.Done; {
					if a.First != want || a.Count < 1 {
						t.Fatalf("sends %d from %d, want from %d", a.Count, a.First, want)
					}
					want += uint64(a.Count)
					if stale := s.Step(time.Time{}, ack(s.Wire(want+uint64(window)))); stale.Count != 0 {
						t.Fatalf("a future ACK at %d sent %d", want, stale.Count)
					}
					a = s.Step(time.Time{}, ack(s.Wire(want-1)))
					if s.Acked() != want-1 {
						t.Fatalf("acked %d, want %d", s.Acked(), want-1)
					}
				}
				if a.Outcome != Complete || s.Acked() != last {
					t.Errorf("%v at %d", a.Outcome, s.Acked())
				}
			})
		}
	}
}

func TestSenderConfirmed(t *testing.T) {
	for _, oack := range []bool{false, true} {
		s := NewSender(SenderConfig{OACK: oack, Retries: 3})
		now := time.Unix(0, 0)
		s.Step(now, whole(5))
		for _, ev := range []Event{ack(0), start, ack(2), ack(65535), {Kind: EventTimer}, block(1, ""), oackEvent("")} {
			if s.Step(now, ev); s.Confirmed() {
				t.Errorf("OACK %v: confirmed by %+v", oack, ev)
			}
		}
		valid := ack(1)
		if oack {
			valid = ack(0)
		}
		if s.Step(now, valid); !s.Confirmed() {
			t.Errorf("OACK %v: not confirmed by %+v", oack, valid)
		}
	}
	s := NewSender(SenderConfig{})
	s.Step(time.Time{}, whole(5))
	s.Step(time.Time{}, start)
	if s.Step(time.Time{}, ack(0)); s.Confirmed() {
		t.Error("confirmed by an ACK 0 without OACK")
	}
}

func TestSenderStepDoesNotAllocate(t *testing.T) {
	s := NewSender(SenderConfig{OACK: true, Windowsize: 8, Retries: 5})
	now := time.Unix(0, 0)
	s.Step(now, content(1<<40))
	s.Step(now, start)
	wake := s.Step(now, ack(0)).Wake
	ev := peerError(1)
	if n := testing.AllocsPerRun(1000, func() {
		a := s.Step(now, ack(s.Wire(s.Acked()+8)))
		s.Step(now, ack(s.Wire(s.Acked())))
		s.Step(now, ack(s.Wire(s.Acked()+3)))
		now = wake.Add(a.Wake.Sub(now))
		s.Step(now, timer)
		wake = now
	}); n != 0 {
		t.Errorf("Step allocated %v times", n)
	}
	if n := testing.AllocsPerRun(1, func() { s.Step(now, ev) }); n != 0 {
		t.Errorf("Step allocated %v times at the end", n)
	}
}
