package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v4"
)

// parse returns the tree of a text with one document, nil for an empty one.
func parse(text []byte) (*yaml.Node, Position, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(text))
	if err != nil {
		return nil, Position{}, err
	}
	var doc, more yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		return nil, Position{}, nil
	case err != nil:
		at, err := explain(text, err)
		return nil, at, err
	}
	switch err := loader.Load(&more); {
	case err == nil:
		return nil, Position{more.Line, max(1, more.Column)}, errors.New("a second document begins here; want one")
	case !errors.Is(err, io.EOF):
		at, err := explain(text, err)
		return nil, at, err
	}
	if len(doc.Content) != 1 {
		return nil, Position{}, nil
	}
	return doc.Content[0], Position{}, nil
}

// explain says where a text is no YAML, in our form.
func explain(text []byte, err error) (Position, error) {
	var syntax *yaml.LoadError
	if !errors.As(err, &syntax) {
		return Position{}, err
	}
	at := Position{syntax.Mark.Line, syntax.Mark.Column}
	if at.Line == 0 { // bytes that are no text have an offset only
		before := text[:min(len(text), syntax.Mark.Index)]
		at = Position{bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')}
	}
	message := syntax.Message
	if at.Line > 0 && at.Line <= bytes.Count(text, []byte("\n"))+1 {
		line := bytes.Split(text, []byte("\n"))[at.Line-1]
		if bytes.HasPrefix(bytes.TrimLeft(line, " "), []byte("\t")) {
			message = "a tab; YAML is indented by spaces"
		}
	}
	if syntax.ContextMsg != "" && syntax.ContextMark.Line != at.Line && syntax.ContextMark.Line > 0 {
		message += fmt.Sprintf(" (%s that begins in line %d)", syntax.ContextMsg, syntax.ContextMark.Line)
	}
	return at, fmt.Errorf("not YAML: %s", message)
}
