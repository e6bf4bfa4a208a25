package get

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"brood/protocol"
	"brood/worker/client"
)

// Exit codes of broodctl get.
const (
	ExitOK          = 0
	ExitServer      = 1   // the server answered ERROR, or what TFTP does not allow
	ExitUsage       = 2   // wrong arguments
	ExitNoAnswer    = 3   // nobody answers, the server fell silent, the host is unknown
	ExitLocal       = 4   // the content can't be kept, or nothing be sent
	ExitCheck       = 5   // the content is not what it should be
	ExitInterrupted = 130 // by a signal
)

// Failure is why a file was not got.
type Failure struct {
	Kind string // a few words, under which load tests count
	Code int    // the exit code
	Err  error
}

func (f *Failure) Error() string { return f.Err.Error() }

// ExitCode is what the command ends with.
func (f *Failure) ExitCode() int { return f.Code }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// classify finds the words for what is no *client.Error. Otherwise is the kind where
// the network is to blame.
func classify(err error, otherwise string) *Failure {
	var f *Failure
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, context.Canceled):
		return &Failure{"interrupted", ExitInterrupted, errors.New("interrupted")}
	case otherwise != "", errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EAFNOSUPPORT):
		if otherwise == "" {
			otherwise = "no route"
		}
		return &Failure{otherwise, ExitNoAnswer, err}
	}
	return &Failure{"local", ExitLocal, err}
}

// failure finds the words for what Get returned.
func failure(l *Location, server netip.AddrPort, r *client.Result, err error) *Failure {
	var e *client.Error
	if !errors.As(err, &e) {
		return classify(err, "")
	}
	say := func(kind string, code int, format string, args ...any) *Failure {
		text := fmt.Sprintf("%v from %v: ", l, server) + fmt.Sprintf(format, args...)
		return &Failure{kind, code, failed{text, err}}
	}
	var answer *protocol.Error
	errors.As(err, &answer)
	switch {
	case e.Outcome == protocol.PeerError:
		return say(fmt.Sprintf("ERROR %d", answer.Code), ExitServer, "the server answered ERROR %d (%v)%s", uint16(answer.Code), answer.Code, message(answer))
	case e.Outcome == protocol.Refused:
		return say("against the protocol", ExitServer, "the server sent what TFTP does not allow: %s", answer.Message)
	case e.Answered && e.Outcome == protocol.PeerGone:
		return say("went away", ExitNoAnswer, "the server went away after %d bytes", r.Bytes)
	case e.Answered:
		return say("fell silent", ExitNoAnswer, "the server fell silent after %d bytes%s", r.Bytes, network(e))
	case e.Outcome == protocol.PeerGone:
		return say("nobody listens", ExitNoAnswer, "nobody listens there (ICMP: port unreachable)")
	}
	return say("no answer", ExitNoAnswer, "nobody answers, asked %d times%s", r.Requests, network(e))
}

// failed is words for a cause.
type failed struct {
	text  string
	cause error
}

func (f failed) Error() string { return f.text }
func (f failed) Unwrap() error { return f.cause }

func message(e *protocol.Error) string {
	if e.Message == "" {
		return ""
	}
	return ": " + protocol.Printable(e.Message)
}

// network is what the network said, if it did.
func network(e *client.Error) string {
	if e.Err == nil {
		return ""
	}
	return ": " + e.Err.Error()
}
