package render

import (
	"fmt"
	"slices"
	"strings"

	"brood/worker/internal/name"
	"brood/worker/render/inventory"
)

// A choice is what a requested name has led to.
type choice struct {
	template string
	unknown  string         // the template for unknown machines; "": there is none
	match    map[string]any // the named parts of the name
	by       string         // which of them the machine is looked up by; "" or client: by who asks
	asked    bool           // the template is what the client has named
}

// choose finds the document for a name.
func (h *Handler) choose(file string) (*choice, error) {
	if len(h.documents) == 0 {
		return h.direct(file)
	}
	parts, ok := name.Split(file)
	if !ok {
		return nil, errNoDocument
	}
	file = strings.Join(parts, "/")
	for _, d := range h.documents {
		match, err := d.pattern.match(file)
		if err != nil {
			return nil, &fault{fmt.Errorf("document %q: %w", d.Regexp, err)}
		}
		if match == nil {
			continue
		}
		if keys, ok := keysOf(match); ok {
			c := &choice{template: d.Template, unknown: d.Unknown, match: match, by: d.By}
			if c.by == "" && len(keys) > 0 {
				c.by = keys[0]
			}
			return c, nil
		}
	}
	return nil, errNoDocument
}

// direct reads a name that is a template's path, with ?x=value&y=value behind it
// for what a route knows of the request.
func (h *Handler) direct(file string) (*choice, error) {
	path, query, _ := strings.Cut(file, "?")
	parts, ok := name.Split(path)
	if !ok || slices.ContainsFunc(parts, func(part string) bool { return part[0] == '.' || part[0] == '_' }) {
		return nil, errNoDocument
	}
	c := &choice{template: strings.Join(parts, "/"), unknown: h.options.Unknown, match: map[string]any{}, asked: true}
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if pair == "anyone" {
			c.unknown = c.template
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		if _, twice := c.match[key]; !ok || twice || !isGroup(key) {
			return nil, errNoDocument
		}
		c.match[key] = value
	}
	keys, ok := keysOf(c.match)
	if !ok || len(keys) > 1 {
		return nil, errNoDocument
	}
	if len(keys) == 1 {
		c.by = keys[0]
	}
	return c, nil
}

// keysOf returns which parts of a name can be a machine's key. One that is empty
// is as if it were not there; ok is false if one can't be what it is called.
func keysOf(match map[string]any) (keys []string, ok bool) {
	for _, by := range inventory.Keys {
		value, _ := match[string(by)].(string)
		if value == "" {
			delete(match, string(by))
			continue
		}
		if _, err := by.Canonical(value); err != nil {
			return nil, false
		}
		keys = append(keys, string(by))
	}
	return keys, true
}
