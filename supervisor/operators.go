package supervisor

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"brood/ipc"
	"brood/ipc/admin"
	"brood/protocol"
)

// failed is an operator's request that was not done, for a reason of its own.
func failed(code admin.Code, format string, args ...any) error {
	return &admin.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// answerOperator does what an operator asks, on the goroutine of that client: all
// that is done on the loop is to look things up and to change them.
func (s *Supervisor) answerOperator(r admin.Request, say func(item any) error, done <-chan struct{}) error {
	switch r.Kind {
	case admin.KindStatus:
		status, err := onLoop(s, done, func(reply func(admin.Status)) { reply(s.adminStatus(time.Now())) })
		if err != nil {
			return err
		}
		return say(&status)
	case admin.KindSessions:
		return s.tellSessions(say, done)
	case admin.KindHistory:
		return s.tellHistory(r, say, done)
	case admin.KindConfig:
		config, err := onLoop(s, done, func(reply func([]byte)) { reply(s.Admin.Config) })
		if err != nil {
			return err
		}
		for chunk := range slices.Chunk(config, admin.MaxChunk) {
			if err := say(&admin.Chunk{Bytes: chunk}); err != nil {
				return err
			}
		}
		return nil
	}
	change := s.change(r)
	if change == nil {
		return failed(admin.CodeUnknown, "this server knows no request %s", protocol.Printable(string(r.Kind)))
	}
	err, gone := onLoop(s, done, change)
	if gone != nil {
		return gone
	}
	return err
}

func (s *Supervisor) tellSessions(say func(item any) error, done <-chan struct{}) error {
	all, err := onLoop(s, done, func(reply func([]*session)) { reply(s.present()) })
	if err != nil {
		return err
	}
	for some := range slices.Chunk(all, atOnce) {
		seen, err := onLoop(s, done, func(reply func([]sighting)) { reply(see(some)) })
		now := time.Now()
		for i := 0; err == nil && i < len(seen); i++ {
			err = say(seen[i].session(now))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// change is what a request does on the loop; nil: it is none.
func (s *Supervisor) change(r admin.Request) func(reply func(error)) {
	at := func(f func(now time.Time) error) func(func(error)) {
		return func(reply func(error)) { reply(f(time.Now())) }
	}
	switch r.Kind {
	case admin.KindDrain:
		return at(func(now time.Time) error { s.drain(now); return nil })
	case admin.KindKill:
		return at(func(now time.Time) error { return s.killSession(now, r.Number) })
	case admin.KindLogLevel:
		return at(func(time.Time) error { return s.setLogLevel(r.Text) })
	case admin.KindAllow, admin.KindDeny:
		return at(func(now time.Time) error { return s.rule(now, r) })
	case admin.KindReload:
		return func(reply func(error)) {
			if s.Admin.Reload == nil {
				reply(failed(admin.CodeFailed, "this server was made without a way to reload"))
				return
			}
			s.reload(&reload{s.Admin.Reload, func(err error) {
				if err != nil {
					err = failed(admin.CodeFailed, "not reloaded: what was in force still is: %v", err)
				}
				reply(err)
			}})
		}
	}
	return nil
}

// onLoop has the loop call f, which calls reply once, then or later.
func onLoop[T any](s *Supervisor, done <-chan struct{}, f func(reply func(T))) (T, error) {
	replied := make(chan T, 1)
	s.inbox.post(func() { f(func(v T) { replied <- v }) })
	select {
	case v := <-replied:
		return v, nil
	case <-done:
		var none T
		return none, failed(admin.CodeEnding, "the server ends")
	}
}

// killSession ends one, which may be waiting still.
func (s *Supervisor) killSession(now time.Time, id uint64) error {
	for _, sess := range s.sessions.newest {
		for ; sess != nil; sess = sess.older {
			if sess.id == id && sess.ending == ipc.OutcomeNone {
				s.endSession(now, sess, Killed)
				return nil
			}
		}
	}
	return failed(admin.CodeNoSession, "no session has the ID %d, or not any more", id)
}

func (s *Supervisor) setLogLevel(name string) error {
	level := hclog.LevelFromString(name)
	if level < hclog.Trace || level > hclog.Error {
		return failed(admin.CodeWrong, "log level %s: want trace, debug, info, warn or error", protocol.Printable(name))
	}
	s.Logger.SetLevel(level)
	return nil
}

// operatorAsked logs who has changed what.
func (s *Supervisor) operatorAsked(uid, pid int, r admin.Request, err error) {
	pairs := []any{"uid", uid, "pid", pid, "request", protocol.Printable(string(r.Kind))}
	if r.Text != "" {
		pairs = append(pairs, "text", protocol.Printable(r.Text[:min(len(r.Text), maxAskedText)]))
	}
	if r.Number != 0 {
		pairs = append(pairs, "number", r.Number)
	}
	result := "done"
	if err != nil {
		result = err.Error()
	}
	s.inbox.post(func() { s.report.logf(hclog.Info, "an operator asks", append(pairs, "result", result)...) })
}

// maxAskedText is how much of a request's text is logged, in bytes.
const maxAskedText = 256

func (s *Supervisor) operatorLost(uid, pid int) {
	s.inbox.post(func() {
		s.grumble(time.Now(), "an operator's program was cut off: it did not read what it had asked for", "uid", uid, "pid", pid)
	})
}

// tellHistory hands over what is remembered of a client, latest first.
func (s *Supervisor) tellHistory(r admin.Request, say func(item any) error, done <-chan struct{}) error {
	of, err := whose(r.Text)
	if err != nil {
		return failed(admin.CodeWrong, "%v", err)
	}
	all, err := onLoop(s, done, func(reply func([]*past)) { reply(s.history.all()) })
	if err != nil {
		return err
	}
	said := uint64(0)
	for _, p := range all {
		if !of(&p.SessionStats) {
			continue
		}
		if err := say(p.ended()); err != nil {
			return err
		}
		if said++; said == r.Number {
			break
		}
	}
	return nil
}

// whose reads which client's sessions are meant.
func whose(text string) (func(*SessionStats) bool, error) {
	if text == "" {
		return func(*SessionStats) bool { return true }, nil
	}
	if mac, ok := parseMAC(text); ok {
		return func(r *SessionStats) bool { return r.MAC == mac }, nil
	}
	p, err := ParsePrefix(text)
	if err != nil {
		return nil, errors.New(protocol.Printable(text) + ": want a client's address, a prefix such as 192.0.2.0/24, or a MAC such as 52:54:00:12:34:56")
	}
	return func(r *SessionStats) bool { return p.Contains(r.Peer.Addr().WithZone("").Unmap()) }, nil
}
