package render

import (
	"context"
	"errors"
	"fmt"
)

// Check reads every template that the options name, and those that these include
// by a constant name, and compiles every pattern. Its error names all that is
// wrong. Whether a template finds its variables shows only when it is rendered.
func (h *Handler) Check() error {
	s := newSet(context.Background(), h)
	var errs []error
	fault := func(where string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("render: %s: %w", where, err))
		}
	}
	parsed := map[string]bool{}
	parse := func(where, name string) {
		if name == "" || parsed[name] {
			return
		}
		parsed[name] = true
		_, err := s.template(name)
		fault(where, err)
	}
	parse("unknown", h.options.Unknown)
	for i, d := range h.documents {
		where := fmt.Sprintf("document %d", i+1)
		_, err := d.pattern.compile()
		fault(where, err)
		parse(where, d.Template)
		parse(where, d.Unknown)
	}
	for len(s.guard.included) > 0 {
		name := s.guard.included[0]
		s.guard.included = s.guard.included[1:]
		parse("include", name)
	}
	return errors.Join(errs...)
}
