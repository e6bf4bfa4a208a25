// Package explain says what becomes of a request and why: what the rules decide,
// who answers, and with what.
package explain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"brood/cmd/internal/config"
	"brood/supervisor"
	"brood/worker"
	"brood/worker/route"
)

// Explainer explains one configuration.
type Explainer struct {
	Out      io.Writer
	Options  supervisor.Options
	Contents *config.Contents
	Sources  map[string]config.Source
	Line     func(rule int) int // of the file
}

func (e *Explainer) say(what, format string, args ...any) {
	text := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n"+strings.Repeat(" ", 10))
	fmt.Fprintf(e.Out, "%-9s %s\n", what, text)
}

// Client says whether a client is heard at all.
func (e *Explainer) Client(req *worker.Request) {
	client := req.Peer.Addr().String()
	if req.MAC != "" {
		client += ", " + req.MAC
	}
	if e.Options.Serves(req.Peer.Addr()) {
		e.say("client", "%s: is served", client)
	} else {
		e.say("client", "%s: is not served, by allow and deny: every request gets ERROR 2", client)
	}
}

// openTimeout is what a handler has.
const openTimeout = 5 * time.Second

// Request says what comes of one.
func (e *Explainer) Request(ctx context.Context, req *worker.Request) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	fmt.Fprintln(e.Out)
	asked := strconv.Quote(req.File)
	for _, o := range req.Options {
		asked += fmt.Sprintf(" %s=%s", o.Name, o.Value)
	}
	e.say("request", "%s", asked)
	name, files := e.Contents.Default, []string{req.File}
	if e.Contents.Rules != nil {
		d, err := e.Contents.Rules.Decide(req)
		if err != nil {
			e.say("rules", "%v", err)
			e.refuse(err)
			return
		}
		e.decision(&d)
		if d.Err != nil {
			e.refuse(d.Err)
			return
		}
		name, files = d.Handler, d.Files
		req.Quirks = d.Quirks
		if name == route.Default && e.Contents.Default != "" {
			name = e.Contents.Default
		}
	}
	if e.Contents.Handlers[name] == nil {
		e.say("handler", "none: no rule names one, and there is no default")
		e.refuse(fs.ErrNotExist)
		return
	}
	e.say("handler", "%s (%s)", name, e.Sources[name].Kind)
	e.ask(ctx, req, name, files)
}

func (e *Explainer) decision(d *route.Decision) {
	for _, step := range d.Passed {
		e.say("rule", "%s applies and goes on: the name is %q", e.title(step.Rule, step.Name), step.File)
	}
	if d.Rule == 0 {
		e.say("rule", "none ends it")
	} else {
		e.say("rule", "%s applies", e.title(d.Rule, d.Name))
	}
	quirks := reflect.ValueOf(d.Quirks)
	for i := range quirks.NumField() {
		if f := quirks.Field(i); !f.IsZero() {
			e.say("quirk", "%s: %v", config.Key(quirks.Type().Field(i)), f)
		}
	}
}

func (e *Explainer) title(number int, name string) string {
	if name != "" {
		name = " " + strconv.Quote(name)
	}
	return fmt.Sprintf("%d%s (line %d)", number, name, e.Line(number))
}

// ask asks a handler for one file after the other, as package route does.
func (e *Explainer) ask(ctx context.Context, req *worker.Request, name string, files []string) {
	if e.Sources[name].Elsewhere() {
		for _, file := range files {
			e.say("file", "%q", file)
		}
		e.say("answer", "is not known here: a program would be run, or something fetched")
		return
	}
	var err error
	for _, file := range files {
		inner := *req
		inner.File = file
		var resp worker.Response
		if resp, err = e.Contents.Handlers[name].Open(ctx, &inner); err == nil {
			e.say("file", "%q is there", file)
			e.answer(resp)
			return
		}
		e.say("file", "%v", err)
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	e.refuse(err)
}

func (e *Explainer) refuse(err error) {
	sent := worker.ErrorFor(err)
	e.say("answer", "ERROR %d %q", sent.Code, sent.Message)
}

// Bounds of how much of a text is shown.
const (
	shownBytes = 1024
	shownLines = 20
)

func (e *Explainer) answer(resp worker.Response) {
	defer resp.Close()
	begin := make([]byte, shownBytes+utf8.UTFMax)
	n, err := io.ReadFull(resp, begin)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		e.say("answer", "its content can't be read: %v", err)
		return
	}
	size, known := resp.Size()
	switch {
	case known:
		e.say("answer", "%d bytes", size)
	case err != nil:
		e.say("answer", "%d bytes, which are not known before they are sent (no tsize)", n)
	default:
		e.say("answer", "more than %d bytes, how many is not known before they are sent (no tsize)", shownBytes)
	}
	if text, ok := beginning(begin[:n], err == nil); ok {
		e.say("text", "%s", text)
	}
}

// beginning is how a text begins; what is no text has none.
func beginning(b []byte, more bool) (string, bool) {
	if len(b) > shownBytes {
		b, more = b[:shownBytes], true
	}
	for i := 0; more && i < utf8.UTFMax && !utf8.Valid(b) && len(b) > 0; i++ {
		b = b[:len(b)-1] // a character may be cut
	}
	if len(b) == 0 || !utf8.Valid(b) {
		return "", false
	}
	for _, r := range string(b) {
		if r < ' ' && r != '\n' && r != '\t' && r != '\r' {
			return "", false
		}
	}
	lines := strings.SplitAfter(string(b), "\n")
	if len(lines) > shownLines {
		lines, more = lines[:shownLines], true
	}
	text := strings.TrimRight(strings.Join(lines, ""), "\r\n")
	if more {
		text += "\n..."
	}
	return text, true
}
