package fetch_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"brood/ipc/fetch"
)

var asks = []struct {
	name string
	ask  fetch.Ask
}{
	{"a file is opened", fetch.Ask{Kind: fetch.AskOpen, ID: 1, Base: "https://mirror.example/debian/", Name: "dists/vmlinuz"}},
	{"a name's bytes need not be text", fetch.Ask{Kind: fetch.AskOpen, ID: math.MaxUint32, Base: "b", Name: "\xff\x00../?#\\"}},
	{"the longest", fetch.Ask{Kind: fetch.AskOpen, ID: 2, Base: strings.Repeat("b", fetch.MaxBase), Name: strings.Repeat("n", fetch.MaxName)}},
	{"more is wanted", fetch.Ask{Kind: fetch.AskMore, ID: 1, Have: 1 << 40}},
	{"nothing is there yet", fetch.Ask{Kind: fetch.AskMore, ID: 1}},
	{"a file is closed", fetch.Ask{Kind: fetch.AskClose, ID: 1}},
}

func TestAnAskArrivesAsItWasSent(t *testing.T) {
	t.Parallel()
	for _, tt := range asks {
		b, err := tt.ask.Append(nil)
		if err != nil || len(b) > fetch.MaxMessage {
			t.Fatalf("%s: %d bytes, %v", tt.name, len(b), err)
		}
		if got, err := fetch.ParseAsk(b); err != nil || got != tt.ask {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

func TestABrokenAskIsRefused(t *testing.T) {
	t.Parallel()
	open, err := asks[0].ask.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	more, err := asks[3].ask.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	kind := func(k byte, b []byte) []byte { return append([]byte{k}, b[1:]...) }
	for name, b := range map[string][]byte{
		"nothing":                   nil,
		"kind 0":                    kind(0, open),
		"a kind that is none":       kind(9, open),
		"an open without a name":    open[:len(open)-len("dists/vmlinuz")],
		"a base that is cut short":  open[:20],
		"more with a name":          kind(byte(fetch.AskMore), open),
		"an open with bytes":        kind(byte(fetch.AskOpen), more),
		"fewer bytes than none":     append(append([]byte{}, more[:5]...), 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0),
		"more than a message holds": append(append([]byte{}, open...), make([]byte, fetch.MaxMessage)...),
		"a byte left over":          append(append([]byte{}, more...), 0),
	} {
		if got, err := fetch.ParseAsk(b); !errors.Is(err, fetch.ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for i := range more {
		if _, err := fetch.ParseAsk(more[:i]); err == nil {
			t.Errorf("accepted the first %d bytes of %q", i, more)
		}
	}
	for _, a := range []fetch.Ask{{}, {Kind: fetch.AskOpen, Name: "n"}, {Kind: fetch.AskOpen, Base: "b", Name: strings.Repeat("n", fetch.MaxName+1)}, {Kind: fetch.AskMore, Have: -1}} {
		if _, err := a.Append(nil); err == nil {
			t.Errorf("%+v was encoded", a)
		}
	}
}

var answers = []fetch.Answer{
	{Kind: fetch.AnswerHello, ID: 7},
	{Kind: fetch.AnswerOpened, ID: 1, Size: -1, There: 4096},
	{Kind: fetch.AnswerOpened, ID: 1, Size: 9, There: 9, Whole: true},
	{Kind: fetch.AnswerGrown, ID: 1, Size: -1, There: math.MaxInt64},
	{Kind: fetch.AnswerWhole, ID: math.MaxUint32, Whole: true},
	{Kind: fetch.AnswerFailed, ID: 1, Cause: fetch.CauseForbidden, Reason: "401 Unauthorized"},
}

func TestAnAnswerArrivesAsItWasSent(t *testing.T) {
	t.Parallel()
	for _, a := range answers {
		if got, err := fetch.ParseAnswer(a.Append(nil)); err != nil || got != a {
			t.Errorf("%+v, %v; want %+v", got, err, a)
		}
	}
	long := fetch.Answer{Kind: fetch.AnswerFailed, Reason: strings.Repeat("r", 2*fetch.MaxReason)}
	if got, err := fetch.ParseAnswer(long.Append(nil)); err != nil || len(got.Reason) != fetch.MaxReason {
		t.Errorf("a long reason came out with %d bytes, %v", len(got.Reason), err)
	}
}

func TestABrokenAnswerIsRefused(t *testing.T) {
	t.Parallel()
	for _, a := range []fetch.Answer{
		{},
		{Kind: 9},
		{Kind: fetch.AnswerGrown, There: -1},
		{Kind: fetch.AnswerGrown, Size: -2},
		{Kind: fetch.AnswerOpened, Size: 1, There: 2},
		{Kind: fetch.AnswerWhole, Size: 2, There: 1, Whole: true},
		{Kind: fetch.AnswerFailed, Cause: 3},
	} {
		if got, err := fetch.ParseAnswer(a.Append(nil)); !errors.Is(err, fetch.ErrMalformed) {
			t.Errorf("%+v: %+v, %v", a, got, err)
		}
	}
	whole := answers[0].Append(nil)
	for i := range whole {
		if _, err := fetch.ParseAnswer(whole[:i]); err == nil {
			t.Errorf("accepted the first %d bytes of %q", i, whole)
		}
	}
}

func FuzzAsk(f *testing.F) {
	for _, tt := range asks {
		if b, err := tt.ask.Append(nil); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := fetch.ParseAsk(b)
		if err != nil {
			return
		}
		if again, err := a.Append(nil); err != nil || string(again) != string(b) {
			t.Fatalf("%q parsed to %+v, which is %q, %v", b, a, again, err)
		}
	})
}

// What a worker takes for an answer is one, byte for byte, that a helper may give.
func FuzzAnswer(f *testing.F) {
	for _, a := range answers {
		f.Add(a.Append(nil))
		b := a.Append(nil)
		b[21] = 2 // neither whole nor not
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := fetch.ParseAnswer(b)
		if err != nil {
			return
		}
		if a.There < 0 || a.Size >= 0 && a.There > a.Size || a.Whole && a.There != a.Size {
			t.Fatalf("%q parsed to %+v", b, a)
		}
		if again := a.Append(nil); string(again) != string(b) {
			t.Fatalf("%q parsed to %+v, which is %q", b, a, again)
		}
	})
}
