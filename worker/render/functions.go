package render

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/template"
)

// functions are those of the field, and those of text/template that are not
// strict enough there. doc.go explains them.
func (s *set) functions() template.FuncMap {
	return template.FuncMap{
		"include": s.include,

		"default": defaultTo,
		"exists":  exists,
		"index":   index,

		"macColon": macIn(":", 1),
		"macDash":  macIn("-", 1),
		"macDot":   macIn(".", 2),
		"macBare":  macIn("", 1),
		"macPxe":   macPXE,

		"hexIP":      hexIP,
		"urlHost":    urlHost,
		"cidr":       cidr,
		"network":    network,
		"broadcast":  broadcast,
		"netmask":    netmask,
		"prefixLen":  prefixLen,
		"host":       host,
		"hostNumber": hostNumber,

		"shellQuote":     s.scalars(shellQuote),
		"grubQuote":      s.scalars(lineQuote),
		"kickstartQuote": s.scalars(lineQuote),
		"ipxeWord":       s.scalars(ipxeWord),
		"toJson":         s.toJSON,

		"join":   s.join,
		"indent": s.indent,
		"upper":  s.scalars(sure(strings.ToUpper)),
		"lower":  s.scalars(sure(strings.ToLower)),
		"base64": s.scalars(sure(toBase64)),

		// Those of text/template would print "<no value>".
		"html":     s.scalars(sure(template.HTMLEscapeString)),
		"js":       s.scalars(sure(template.JSEscapeString)),
		"urlquery": s.scalars(sure(url.QueryEscape)),

		"print":   func(args ...any) (string, error) { return s.printing(fmt.Sprint, args) },
		"println": func(args ...any) (string, error) { return s.printing(fmt.Sprintln, args) },
		"printf":  s.printf,
	}
}

// scalars makes of a function of texts one of all that can be printed.
func (s *set) scalars(f func(string) (string, error)) func(any) (string, error) {
	return func(v any) (string, error) {
		text, err := printable(v)
		if err != nil {
			return "", fmt.Errorf("argument %w", err)
		}
		if text, err = f(text); err != nil {
			return "", err
		}
		return s.text(text)
	}
}

func sure(f func(string) string) func(string) (string, error) {
	return func(text string) (string, error) { return f(text), nil }
}

func toBase64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// include renders another template.
func (s *set) include(name string, data any) (string, error) {
	if data == nil {
		data = map[string]any{} // so that what it lacks is an error
	}
	return s.execute(name, data)
}

// join prints the items of a list with a separator in between. As in a pipe, the
// list is last.
func (s *set) join(separator string, list []any) (string, error) {
	var b strings.Builder
	for i, item := range list {
		text, err := printable(item)
		if err != nil {
			return "", fmt.Errorf("item %d %w", i, err)
		}
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(text)
		if b.Len() > s.limit {
			return "", s.tooLarge()
		}
	}
	return s.text(b.String())
}

// indent puts n spaces before each line that is not empty.
func (s *set) indent(n int, text string) (string, error) {
	if n < 0 || n > 100 {
		return "", fmt.Errorf("indent by %d, want 0 to 100", n)
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString(strings.Repeat(" ", n))
		}
		b.WriteString(line)
	}
	return s.text(b.String())
}

// toJSON prints any value as JSON, on one line.
func (s *set) toJSON(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return s.text(strings.TrimSuffix(b.String(), "\n"))
}

func (s *set) printing(print func(...any) string, args []any) (string, error) {
	for i, v := range args {
		if _, err := printable(v); err != nil {
			return "", fmt.Errorf("argument %d %w", i+1, err)
		}
	}
	return s.text(print(args...))
}

// printf is fmt.Sprintf, but a verb that does not fit its argument is an error
// and not the text "%!d(string=x)".
func (s *set) printf(format string, args ...any) (string, error) {
	given := strings.Contains(format, "%!")
	for i, v := range args {
		text, err := printable(v)
		if err != nil {
			return "", fmt.Errorf("argument %d %w", i+1, err)
		}
		given = given || strings.Contains(text, "%!")
	}
	made := fmt.Sprintf(format, args...)
	if _, wrong, found := strings.Cut(made, "%!"); found && !given {
		return "", errors.New("printf: %!" + wrong)
	}
	return s.text(made)
}
