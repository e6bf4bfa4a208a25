package admin

import (
	"fmt"
	"io"
	"math"

	"brood/ipc"
)

// Kind is what a request wants. Whoever may connect may ask for what only looks.
type Kind string

// The requests, with the fields that they use.
const (
	KindStatus   Kind = "status"   // one Status
	KindSessions Kind = "sessions" // a Session each, running ones first
	KindHistory  Kind = "history"  // an Ended each, latest first; Text: a client's address, prefix or MAC, or empty; Number: how many at most, 0 for all
	KindEvents   Kind = "events"   // an Event each, until the server ends; Text "progress": those, too

	KindConfig   Kind = "show-config" // a Chunk each: what is in force, in the server's own form
	KindDrain    Kind = "drain"       // the server ends when its sessions have
	KindReload   Kind = "reload"      // the end, or the error, comes when it is known which
	KindKill     Kind = "kill"        // Number: a session's ID
	KindLogLevel Kind = "log-level"   // Text: trace, debug, info, warn or error, until the next reload
	KindAllow    Kind = "allow"       // Text: a prefix or address; Number: for how many milliseconds, 0 to take a rule back
	KindDeny     Kind = "deny"        // likewise
)

// Changes says whether a request needs the right to change the server, or to see
// what may be secret. What is not known does.
func (k Kind) Changes() bool {
	switch k {
	case KindStatus, KindSessions, KindHistory, KindEvents:
		return false
	}
	return true
}

// Request is what a client asks.
type Request struct {
	ID     uint32 // the client's number for it, which its answers carry
	Kind   Kind
	Text   string
	Number uint64
}

const requestFields = 4

// Append appends the frame to b.
func (r Request) Append(b []byte) ([]byte, error) {
	e := ipc.NewEncoder(requestFields)
	e.Uint(uint64(r.ID))
	e.Text(string(r.Kind))
	e.Text(r.Text)
	e.Uint(r.Number)
	body, err := e.Bytes()
	if err == nil && len(body) > MaxRequest {
		err = fmt.Errorf("a request of %d bytes: at most %d", len(body), MaxRequest)
	}
	if err != nil {
		return b, err
	}
	return appendFrame(b, body), nil
}

// ReadRequest reads the next request.
func ReadRequest(r io.Reader) (Request, error) {
	body, err := readFrame(r, MaxRequest)
	if err != nil {
		return Request{}, err
	}
	return parseRequest(body)
}

func parseRequest(body []byte) (Request, error) {
	d := ipc.NewDecoder(body, requestFields)
	r := Request{
		ID:     uint32(d.Uint(math.MaxUint32)),
		Kind:   Kind(d.Text()),
		Text:   d.Text(),
		Number: d.Uint(math.MaxUint64),
	}
	if err := d.End(); err != nil {
		return Request{}, err
	}
	return r, nil
}
