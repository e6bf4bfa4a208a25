package origin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc/fetch"
	"brood/protocol"
	"brood/worker"
	"brood/worker/workertest"
)

const content = "one block and no more"

func TestWhatTheHelperHasIsServed(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789abcdef", 4000)
	for _, tt := range []struct {
		name   string
		play   func(s *script)
		want   string
		detail string // of an ERROR
		code   protocol.ErrorCode
	}{
		{name: "whole at once", want: content, play: func(s *script) {
			a := s.hear(fetch.AskOpen)
			s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: a.ID, Size: int64(len(content)), There: int64(len(content)), Whole: true}, s.file(content))
		}},
		{name: "while it arrives", want: long, play: func(s *script) {
			f := s.file(long[:1000])
			a := s.hear(fetch.AskOpen)
			s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: a.ID, Size: int64(len(long)), There: 1000}, f)
			for at := 1000; at < len(long); {
				if more := s.hear(fetch.AskMore); more.ID != a.ID || more.Have != int64(at) {
					s.Errorf("asked %+v, want more than %d", more, at)
				}
				next := min(at+9000, len(long))
				f.WriteString(long[at:next])
				at = next
				s.say(fetch.Answer{Kind: fetch.AnswerGrown, ID: a.ID, Size: -1, There: int64(at)}, nil)
			}
			s.hear(fetch.AskMore)
			s.say(fetch.Answer{Kind: fetch.AnswerWhole, ID: a.ID, Size: int64(len(long)), There: int64(len(long)), Whole: true}, nil)
		}},
		{name: "of a length that nobody knows", want: long, play: func(s *script) {
			a := s.hear(fetch.AskOpen)
			s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: a.ID, Size: -1, There: int64(len(long))}, s.file(long))
			s.hear(fetch.AskMore)
			s.say(fetch.Answer{Kind: fetch.AnswerWhole, ID: a.ID, Size: int64(len(long)), There: int64(len(long)), Whole: true}, nil)
		}},
		{name: "empty", want: "", play: func(s *script) {
			a := s.hear(fetch.AskOpen)
			s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: a.ID, Size: 0}, s.file(""))
			s.hear(fetch.AskMore)
			s.say(fetch.Answer{Kind: fetch.AnswerWhole, ID: a.ID, Whole: true}, nil)
		}},
		{name: "missing", code: protocol.CodeNotFound, detail: "404", play: func(s *script) {
			s.say(fetch.Answer{Kind: fetch.AnswerFailed, ID: s.hear(fetch.AskOpen).ID, Cause: fetch.CauseNotFound, Reason: "404"}, nil)
		}},
		{name: "forbidden", code: protocol.CodeAccessViolation, detail: "403", play: func(s *script) {
			s.say(fetch.Answer{Kind: fetch.AnswerFailed, ID: s.hear(fetch.AskOpen).ID, Cause: fetch.CauseForbidden, Reason: "403"}, nil)
		}},
		{name: "failing in the middle", detail: "broke off", play: func(s *script) {
			a := s.hear(fetch.AskOpen)
			s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: a.ID, Size: int64(len(long)), There: 10_000}, s.file(long[:10_000]))
			s.hear(fetch.AskMore)
			s.say(fetch.Answer{Kind: fetch.AnswerFailed, ID: a.ID, Reason: "it broke off"}, nil)
		}},
		{name: "all there, and wrong", detail: "its SHA-256 is another", play: func(s *script) {
			a := s.hear(fetch.AskOpen)
			s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: a.ID, Size: int64(len(long)), There: int64(len(long))}, s.file(long))
			s.hear(fetch.AskMore)
			s.say(fetch.Answer{Kind: fetch.AnswerFailed, ID: a.ID, Reason: "its SHA-256 is another"}, nil)
		}},
		{name: "shorter than it should be", detail: "should have", play: func(s *script) {
			a := s.hear(fetch.AskOpen)
			s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: a.ID, Size: 2000, There: 1999}, s.file(long[:1000]))
		}},
		{name: "whole, of another length than was told", detail: "has 21 bytes, want 20", play: func(s *script) {
			a := s.hear(fetch.AskOpen)
			s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: a.ID, Size: 20, There: 20, Whole: true}, s.file(content))
		}},
		{name: "no regular file", code: protocol.CodeAccessViolation, detail: "is a directory", play: func(s *script) {
			dir, err := os.Open("/")
			if err != nil {
				s.Error(err)
				return
			}
			defer dir.Close()
			s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: s.hear(fetch.AskOpen).ID, Whole: true}, dir)
		}},
		{name: "another helper has the same file", want: long, play: func(s *script) {
			f := s.file(long)
			s.say(fetch.Answer{Kind: fetch.AnswerHello, ID: 1}, nil)
			a := s.hear(fetch.AskOpen)
			s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: a.ID, Size: int64(len(long)), There: 20_000}, f)
			s.hear(fetch.AskMore)
			s.say(fetch.Answer{Kind: fetch.AnswerHello, ID: 2}, nil)
			again := s.hear(fetch.AskOpen)
			if again.ID == a.ID || again.Name != a.Name || again.Base != a.Base {
				s.Errorf("the next helper is asked %+v, the first was asked %+v", again, a)
			}
			s.say(fetch.Answer{Kind: fetch.AnswerGrown, ID: a.ID, Size: -1, There: 30_000}, nil) // of the question before
			s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: again.ID, Size: int64(len(long)), There: 10_000}, f)
			s.hear(fetch.AskMore)
			s.say(fetch.Answer{Kind: fetch.AnswerWhole, ID: again.ID, Size: int64(len(long)), There: int64(len(long)), Whole: true}, nil)
		}},
		{name: "another helper has another file", detail: "changed at the origin", play: func(s *script) {
			s.say(fetch.Answer{Kind: fetch.AnswerHello, ID: 1}, nil)
			a := s.hear(fetch.AskOpen)
			s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: a.ID, Size: int64(len(long)), There: 20_000}, s.file(long))
			s.hear(fetch.AskMore)
			s.say(fetch.Answer{Kind: fetch.AnswerHello, ID: 2}, nil)
			s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: s.hear(fetch.AskOpen).ID, Size: int64(len(long)), There: int64(len(long)), Whole: true}, s.file(long))
		}},
		{name: "answers that break the contract", detail: "malformed", play: func(s *script) {
			s.say(fetch.Answer{Kind: 99, ID: s.hear(fetch.AskOpen).ID}, nil)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t)
			h := s.handler(Options{})
			s.play(func() { tt.play(s) })
			r := workertest.Get(t, h, "dir/file")
			if tt.detail == "" {
				if r.Err != nil || string(r.Content) != tt.want {
					t.Errorf("%d bytes, ERROR %v (%s); want %d bytes", len(r.Content), r.Err, r.Detail, len(tt.want))
				}
				return
			}
			if r.Err == nil || r.Err.Code != tt.code || !strings.Contains(r.Detail, tt.detail) {
				t.Errorf("%d bytes, ERROR %+v (%s); want ERROR %d and %q", len(r.Content), r.Err, r.Detail, tt.code, tt.detail)
			}
			if r.Err != nil && strings.Contains(r.Err.Message, tt.detail) {
				t.Errorf("the client is told %q", r.Err.Message)
			}
		})
	}
}

func TestAHelperThatSaysNothingCostsTheSession(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	h := s.handler(Options{})
	h.patience = 20 * time.Millisecond
	_, err := h.Open(t.Context(), &worker.Request{File: "f"})
	if !errors.Is(err, errSilent) {
		t.Errorf("before it opens: %v", err)
	}
	s.hear(fetch.AskOpen)
	s.play(func() {
		s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: s.hear(fetch.AskOpen).ID, Size: 2000, There: 1000}, s.file(strings.Repeat("x", 1000)))
	})
	if r := workertest.Get(t, h, "f"); r.Err == nil || len(r.Content) != 512 || !strings.Contains(r.Detail, "nothing came from the origin for 20ms") {
		t.Errorf("in the middle: %d bytes, ERROR %v (%s)", len(r.Content), r.Err, r.Detail)
	}
}

func TestAHelperThatDoesNotReadIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	h := s.handler(Options{})
	for h.link.ask(fetch.Ask{Kind: fetch.AskMore}) == nil {
	}
	if _, err := h.Open(t.Context(), &worker.Request{File: "f"}); !errors.Is(err, errSilent) {
		t.Errorf("%v", err)
	}
}

func TestAnOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	h := s.handler(Options{})
	late := errors.New("too late")
	ctx, cancel := contextWithCause(t)
	s.play(func() {
		s.hear(fetch.AskOpen)
		cancel(late)
	})
	if _, err := h.Open(ctx, &worker.Request{File: "f"}); !errors.Is(err, late) {
		t.Errorf("%v, want the cause of the context's end", err)
	}
}

func TestAServerWithoutAHelperSaysSo(t *testing.T) {
	t.Parallel()
	h, err := Over(-1, Options{URL: "http://mirror.example/"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Open(t.Context(), &worker.Request{File: "f"}); !errors.Is(err, errNoHelper) || !strings.Contains(err.Error(), "broodctl origin") {
		t.Errorf("%v", err)
	}
}

func TestASocketThatWasClosedIsAnError(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	h := s.handler(Options{})
	unix.Shutdown(s.socket, unix.SHUT_RDWR)
	if _, err := h.Open(t.Context(), &worker.Request{File: "f"}); err == nil {
		t.Error("no error")
	}
}

func TestThePrefixIsCutOff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ prefix, file, want string }{ // want "": it does not exist
		{"", "a/b", "a/b"},
		{"", "/a", "/a"},
		{"debian", "debian/vmlinuz", "/vmlinuz"},
		{"debian/", "debian/vmlinuz", "vmlinuz"},
		{"/debian/", "debian/vmlinuz", "vmlinuz"},
		{"debian", "/debian/vmlinuz", "/vmlinuz"},
		{"debian", `\debian\vmlinuz`, `\vmlinuz`},
		{"debian", "debian-installer/vmlinuz", ""},
		{"debian", "ubuntu/vmlinuz", ""},
		{"debian", "debian", ""},
		{"debian/", "debian/", ""},
	} {
		h := &Handler{options: Options{StripPrefix: tt.prefix}}
		if got, ok := h.strip(tt.file); ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("%q of %q: %q, %v; want %q", tt.prefix, tt.file, got, ok, tt.want)
		}
	}
	h, err := Over(-1, Options{URL: "http://mirror.example/", StripPrefix: "debian"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Open(t.Context(), &worker.Request{File: "ubuntu/x"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the prefix: %v", err)
	}
}

// What was meant for a session that has ended is nothing to the next one.
func TestAWorkersNextSessionHearsNothingOfTheOneBefore(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	h := s.handler(Options{})
	s.play(func() {
		a := s.hear(fetch.AskOpen)
		s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: a.ID, Size: int64(len(content)), There: int64(len(content)), Whole: true}, s.file(content))
		next := s.hear(fetch.AskOpen)
		for range 3 { // late ones
			s.say(fetch.Answer{Kind: fetch.AnswerFailed, ID: a.ID, Reason: "late"}, nil)
			s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: a.ID, Size: 4, There: 4, Whole: true}, s.file("late"))
		}
		s.say(fetch.Answer{Kind: fetch.AnswerOpened, ID: next.ID, Size: 4, There: 4, Whole: true}, s.file("next"))
	})
	for _, want := range []string{content, "next"} {
		if r := workertest.Get(t, h, "f"); r.Err != nil || string(r.Content) != want {
			t.Errorf("%q, ERROR %v (%s); want %q", r.Content, r.Err, r.Detail, want)
		}
	}
}

func Example() {
	newHandler := func(config []byte) (worker.Handler, error) {
		return New(Options{URL: string(config)}) // the helper is configured with the same
	}
	_, err := newHandler([]byte("ftp://mirror.example/debian/"))
	fmt.Println(err)
	path, _ := Path(`\dists\stable/./vmlinuz`)
	fmt.Println(path)
	// Output:
	// origin: url "ftp://mirror.example/debian/": want http://... or https://...
	// dists/stable/vmlinuz
}
