package render

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/template"

	"brood/worker"
)

// maxDepth is how deep templates may include each other.
const maxDepth = 20

// A set is the templates of one session, each read when it is first asked for,
// and what bounds their execution.
type set struct {
	ctx     context.Context
	handler *Handler
	limit   int // bytes of a document, of a template, and of any text in between
	depth   int
	funcs   template.FuncMap
	guard   guard
	all     *template.Template // each by its path, and what they define
}

func newSet(ctx context.Context, h *Handler) *set {
	s := &set{ctx: ctx, handler: h, limit: h.options.MaxSize}
	s.funcs = s.functions()
	s.all = template.New("").Option("missingkey=error").Funcs(s.funcs).Funcs(s.guards())
	return s
}

func (s *set) loaded(path string) bool { return s.all.Lookup(path) != nil }

// template returns what was defined under that name, or the file of that path.
func (s *set) template(name string) (*template.Template, error) {
	if t := s.all.Lookup(name); t != nil {
		return t, nil
	}
	text, err := s.read(name)
	if err != nil {
		return nil, err
	}
	// Parsed on its own, because of what it defines the first stays: a document
	// may define blocks of the layout that it includes.
	file, err := template.New(name).Funcs(s.funcs).Parse(text)
	if err != nil {
		return nil, err
	}
	for _, t := range file.Templates() {
		if s.all.Lookup(t.Name()) != nil {
			continue
		}
		s.guard.list(t.Tree.Root)
		if _, err := s.all.AddParseTree(t.Name(), t.Tree); err != nil {
			return nil, err
		}
	}
	return s.all.Lookup(name), nil
}

func (s *set) read(path string) (string, error) {
	if path == "" {
		return "", errors.New("no name")
	}
	// Package files opens nothing outside the directory and nothing but files.
	f, err := s.handler.templates.Open(s.ctx, &worker.Request{File: path})
	if err != nil {
		return "", err
	}
	defer f.Close()
	var b strings.Builder
	n, err := io.Copy(&b, io.LimitReader(f, int64(s.limit)+1))
	if err == nil && n > int64(s.limit) {
		err = s.tooLarge()
	}
	if err != nil {
		return "", fmt.Errorf("read %q: %w", path, err)
	}
	return b.String(), nil
}

// execute returns what the template makes of data.
func (s *set) execute(name string, data any) (string, error) {
	if s.depth == maxDepth {
		return "", fmt.Errorf("templates include each other more than %d deep", maxDepth)
	}
	s.depth++
	defer func() { s.depth-- }()
	if err := s.ctx.Err(); err != nil {
		return "", err
	}
	t, err := s.template(name)
	if err != nil {
		return "", err
	}
	w := &output{set: s}
	if err := t.Execute(w, data); err != nil {
		return "", err
	}
	return w.b.String(), nil
}

// output is the text of a template so far.
type output struct {
	set *set
	b   strings.Builder
}

func (w *output) Write(p []byte) (int, error) {
	if len(p) > w.set.limit-w.b.Len() {
		return 0, w.set.tooLarge()
	}
	return w.b.Write(p)
}

func (s *set) tooLarge() error { return fmt.Errorf("more than %d bytes, see max-size", s.limit) }

// text returns what a function has made, if it is not too large: one that is
// could be doubled until there is no memory left.
func (s *set) text(made string) (string, error) {
	if len(made) > s.limit {
		return "", s.tooLarge()
	}
	return made, nil
}
