package protocol

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func (r Reply) brief(now time.Time) string {
	var words []string
	if len(r.Payload) > 0 {
		words = append(words, fmt.Sprintf("%q", r.Payload))
	}
	if r.RRQ {
		words = append(words, "RRQ")
	}
	if r.Ack {
		words = append(words, fmt.Sprintf("ACK %d", r.Block))
	}
	if r.Refuse {
		words = append(words, "ERROR")
	}
	if !r.Wake.IsZero() {
		words = append(words, "+"+r.Wake.Sub(now).String())
	}
	if r.Done {
		words = append(words, r.Outcome.String())
	}
	if r.Err != (Error{}) {
		words = append(words, fmt.Sprintf("(%d)", r.Err.Code))
	}
	return strings.Join(words, " ")
}

type receiverStep struct {
	ev    Event
	want  string        // Reply.brief
	after time.Duration // as in senderStep
}

const (
	full = "12345678" // a block of blksize 8
	win  = "blksize=8 windowsize=4"
)

// begin is the steps up to the first block of a session with options.
func begin(acked string, steps ...receiverStep) []receiverStep {
	return append([]receiverStep{{ev: start, want: "RRQ +1s"}, {ev: oackEvent(acked), want: "ACK 0 +1s"}}, steps...)
}

var receiverScripts = []struct {
	name  string
	asked string
	steps []receiverStep
}{
	{"no option: DATA 1 answers the request", "", []receiverStep{
		{ev: start, want: "RRQ +1s"},
		{ev: block(1, strings.Repeat("x", 512)), want: fmt.Sprintf("%q ACK 1 +1s", strings.Repeat("x", 512))},
		{ev: block(2, "end"), want: `"end" ACK 2 +2s complete`},
	}},
	{"a server without options answers DATA 1 all the same", "blksize=1024 windowsize=4", []receiverStep{
		{ev: start, want: "RRQ +1s"}, {ev: block(1, "end"), want: `"end" ACK 1 +2s complete`},
	}},
	{"the request is repeated by the timer, and bounded", "", []receiverStep{
		{ev: start, want: "RRQ +1s"}, {ev: timer, want: "RRQ +2s"}, {ev: timer, want: "RRQ +4s"}, {ev: timer, want: "timed-out"}, {ev: block(1, "x"), want: "timed-out"},
	}},
	{"other blocks do not answer the request", "", []receiverStep{
		{ev: start, want: "RRQ +1s"}, {ev: block(0, "x"), want: "+1s"}, {ev: block(2, "x"), want: "+1s"}, {ev: ack(1), want: "+1s"},
	}},
	{"nothing happens before the start", "blksize=8", []receiverStep{{ev: block(1, "x")}, {ev: oackEvent("blksize=8")}, {ev: timer}}},
	{"the empty content", "", []receiverStep{{ev: start, want: "RRQ +1s"}, {ev: block(1, ""), want: "ACK 1 +2s complete"}}},
	{"a repeated last block is acknowledged while dallying", "", []receiverStep{
		{ev: start, want: "RRQ +1s"},
		{ev: block(1, "x"), want: `"x" ACK 1 +2s complete`},
		{ev: block(1, "x"), want: "ACK 1 +1.5s complete", after: 500 * time.Millisecond},
		{ev: block(2, "x"), want: "+1.5s complete"},
		{ev: timer, want: "+0s complete"},
		{ev: peerError(0), want: "+0s complete"},
	}},
	{"lock-step: a repeated block is acknowledged, once each time", "blksize=8", begin("blksize=8",
		receiverStep{ev: block(1, full), want: `"12345678" ACK 1 +1s`}, receiverStep{ev: block(1, full), want: "ACK 1 +1s"}, receiverStep{ev: block(1, full), want: "ACK 1 +1s"},
		receiverStep{ev: block(2, full), want: `"12345678" ACK 2 +1s`}, receiverStep{ev: block(1, full), want: "+1s"}, receiverStep{ev: block(3, "x"), want: `"x" ACK 3 +2s complete`})},
	{"the timer repeats the last ACK, and is bounded", "blksize=8", begin("blksize=8",
		receiverStep{ev: timer, want: "ACK 0 +2s"}, receiverStep{ev: block(1, full), want: `"12345678" ACK 1 +1s`}, receiverStep{ev: timer, want: "ACK 1 +2s"},
		receiverStep{ev: timer, want: "ACK 1 +4s"}, receiverStep{ev: timer, want: "timed-out"})},
	{"repeated blocks do not keep the timer from firing", "blksize=8", begin("blksize=8",
		receiverStep{ev: block(1, full), want: `"12345678" ACK 1 +1s`}, receiverStep{ev: block(1, full), want: "ACK 1 +400ms", after: 600 * time.Millisecond})},
	{"a negotiated timeout has no back-off", "timeout=3", begin("", receiverStep{ev: block(1, "x"), want: `"x" ACK 1 +2s complete`})},
	{"OACK repeated: ACK 0 was lost", "blksize=8", begin("blksize=8", receiverStep{ev: oackEvent("blksize=8"), want: "ACK 0 +1s"},
		receiverStep{ev: block(1, full), want: `"12345678" ACK 1 +1s`}, receiverStep{ev: oackEvent("blksize=8"), want: "+1s"})},
	{"OACK after DATA means nothing", "blksize=512", []receiverStep{
		{ev: start, want: "RRQ +1s"}, {ev: block(1, strings.Repeat("y", 512)), want: fmt.Sprintf("%q ACK 1 +1s", strings.Repeat("y", 512))}, {ev: oackEvent("blksize=512"), want: "+1s"},
	}},
	{"OACK with what was not asked is refused", "blksize=8", []receiverStep{
		{ev: start, want: "RRQ +1s"}, {ev: oackEvent("windowsize=4"), want: "ERROR refused (8)"}, {ev: oackEvent("blksize=8"), want: "refused (8)"},
	}},
	{"a block above blksize is refused", "blksize=8", begin("blksize=8", receiverStep{ev: block(1, full+"9"), want: "ERROR refused (4)"}, receiverStep{ev: block(1, full), want: "refused (4)"})},
	{"ERROR ends it", "", []receiverStep{{ev: start, want: "RRQ +1s"}, {ev: peerError(1), want: "peer-error (1)"}, {ev: block(1, "x"), want: "peer-error (1)"}}},
	{"unreachable ends it", "", []receiverStep{{ev: start, want: "RRQ +1s"}, {ev: unreachable, want: "peer-gone"}}},

	{"window: one ACK at its end", win, begin(win, receiverStep{ev: block(1, full), want: `"12345678" +1s`}, receiverStep{ev: block(2, full), want: `"12345678" +1s`},
		receiverStep{ev: block(3, full), want: `"12345678" +1s`}, receiverStep{ev: block(4, full), want: `"12345678" ACK 4 +1s`}, receiverStep{ev: block(5, "x"), want: `"x" ACK 5 +2s complete`})},
	{"window: a gap is reported once", win, begin(win, receiverStep{ev: block(1, full), want: `"12345678" +1s`}, receiverStep{ev: block(3, full), want: "ACK 1 +1s"},
		receiverStep{ev: block(4, full), want: "+1s"}, receiverStep{ev: block(2, full), want: `"12345678" +1s`}, receiverStep{ev: block(4, full), want: "ACK 2 +1s"})},
	{"window: a gap at its start", win, begin(win, receiverStep{ev: block(2, full), want: "ACK 0 +1s"}, receiverStep{ev: block(3, full), want: "+1s"}, receiverStep{ev: timer, want: "ACK 0 +2s"})},
	{"window: it begins anew after the block reported", win, begin(win, receiverStep{ev: block(1, full), want: `"12345678" +1s`}, receiverStep{ev: block(3, full), want: "ACK 1 +1s"},
		receiverStep{ev: block(2, full), want: `"12345678" +1s`}, receiverStep{ev: block(3, full), want: `"12345678" +1s`}, receiverStep{ev: block(4, full), want: `"12345678" +1s`},
		receiverStep{ev: block(5, full), want: `"12345678" ACK 5 +1s`})},
	{"window: what comes from behind it is no gap", win, begin(win, receiverStep{ev: block(5, full), want: "+1s"}, receiverStep{ev: block(60000, full), want: "+1s"})},
	{"window: a copy by the network is not acknowledged", win, begin(win, receiverStep{ev: block(1, full), want: `"12345678" +1s`}, receiverStep{ev: block(1, full), want: "+1s"},
		receiverStep{ev: block(2, full), want: `"12345678" +1s`}, receiverStep{ev: block(2, full), want: "+1s"}, receiverStep{ev: block(1, full), want: "+1s"})},
	{"window: a copy of its last block neither", win, begin(win, receiverStep{ev: block(1, full), want: `"12345678" +1s`}, receiverStep{ev: block(2, full), want: `"12345678" +1s`},
		receiverStep{ev: block(3, full), want: `"12345678" +1s`}, receiverStep{ev: block(4, full), want: `"12345678" ACK 4 +1s`}, receiverStep{ev: block(4, full), want: "+1s"})},
	{"window: one that is repeated is acknowledged once", win, begin(win, receiverStep{ev: block(1, full), want: `"12345678" +1s`}, receiverStep{ev: block(2, full), want: `"12345678" +1s`},
		receiverStep{ev: block(3, full), want: `"12345678" +1s`}, receiverStep{ev: block(4, full), want: `"12345678" ACK 4 +1s`},
		receiverStep{ev: block(1, full), want: "+1s"}, receiverStep{ev: block(2, full), want: "+1s"}, receiverStep{ev: block(3, full), want: "+1s"}, receiverStep{ev: block(4, full), want: "ACK 4 +1s"})},
	{"window: one of a single block too", win, begin(win, receiverStep{ev: block(1, full), want: `"12345678" +1s`}, receiverStep{ev: timer, want: "ACK 1 +2s"},
		receiverStep{ev: block(1, full), want: "ACK 1 +2s"})},
	{"window: the server's may end before ours", win, begin(win, receiverStep{ev: block(1, full), want: `"12345678" +1s`}, receiverStep{ev: block(3, full), want: "ACK 1 +1s"}, // lost
		receiverStep{ev: block(1, full), want: "ACK 1 +1s"}, receiverStep{ev: block(2, full), want: `"12345678" +1s`}, receiverStep{ev: block(3, full), want: `"12345678" +1s`}, receiverStep{ev: block(4, full), want: `"12345678" +1s`},
		receiverStep{ev: block(1, full), want: "+1s"}, receiverStep{ev: block(2, full), want: "+1s"}, receiverStep{ev: block(3, full), want: "+1s"}, receiverStep{ev: block(4, full), want: "ACK 4 +1s"})},
	{"window: the timer acknowledges what is there", win, begin(win, receiverStep{ev: block(1, full), want: `"12345678" +1s`}, receiverStep{ev: block(2, full), want: `"12345678" +1s`}, receiverStep{ev: timer, want: "ACK 2 +2s"})},
}

func TestReceiver(t *testing.T) {
	for _, tt := range receiverScripts {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReceiver(ReceiverConfig{Options: opts(tt.asked), Retries: 2})
			now := time.Unix(0, 0)
			var wake time.Time
			for i, step := range tt.steps {
				now = now.Add(step.after)
				if step.ev.Kind == EventTimer && step.after == 0 && !wake.IsZero() {
					now = wake
				}
				reply := r.Step(now, step.ev)
				wake = reply.Wake
				if got := reply.brief(now); got != step.want {
					t.Fatalf("step %d, %+v: got %q, want %q", i, step.ev, got, step.want)
				}
			}
		})
	}
}

func TestReceiverUsesWhatTheOACKSays(t *testing.T) {
	r := NewReceiver(ReceiverConfig{Options: opts("timeout=3 tsize=0 windowsize=8"), Retries: 3})
	now := time.Unix(0, 0)
	if size, ok := r.Size(); ok || r.Terms() != base {
		t.Errorf("before the OACK: size %d, %v, terms %+v", size, ok, r.Terms())
	}
	r.Step(now, start)
	reply := r.Step(now, oackEvent("timeout=3 tsize=77"))
	if got, want := reply.brief(now), "ACK 0 +3s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := r.Step(reply.Wake, timer).brief(reply.Wake), "ACK 0 +3s"; got != want { // no back-off
		t.Errorf("got %q, want %q", got, want)
	}
	if size, ok := r.Size(); !ok || size != 77 {
		t.Errorf("size %d, %v; want 77", size, ok)
	}
	if want := (Terms{512, 1, 3 * time.Second, true, 0}); r.Terms() != want {
		t.Errorf("terms %+v, want %+v", r.Terms(), want)
	}
}

func TestReceiverPayloadAliasesTheEvent(t *testing.T) {
	r := NewReceiver(ReceiverConfig{})
	r.Step(time.Time{}, start)
	ev := block(1, "abc")
	if got := r.Step(time.Time{}, ev).Payload; &got[0] != &ev.Payload[0] {
		t.Error("the payload is a copy")
	}
}

func TestReceiverStepDoesNotAllocate(t *testing.T) {
	r := NewReceiver(ReceiverConfig{Options: opts("blksize=8 windowsize=4")})
	r.Step(time.Time{}, start)
	r.Step(time.Time{}, oackEvent("blksize=8 windowsize=4"))
	ev := block(0, full)
	if n := testing.AllocsPerRun(1000, func() {
		ev.Block++
		r.Step(time.Time{}, ev)
		r.Step(time.Time{}, ev)
	}); n != 0 {
		t.Errorf("Step allocated %v times", n)
	}
}
