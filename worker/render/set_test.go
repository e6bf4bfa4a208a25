package render

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestTheContextEndsLoops(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"one that prints nothing": "{{stop}}{{range 1000000000000}}{{end}}",
		"one within another":      "{{range 1000000}}{{range 1000000}}{{stop}}{{end}}{{end}}",
		"one in an else":          "{{range 0}}{{else}}{{stop}}{{range 1000000000000}}{{if false}}{{end}}{{end}}{{end}}",
		"one in an if":            "{{if stop}}{{else}}{{range 1000000000000}}{{end}}{{end}}",
		"one in a with":           "{{with true}}{{stop}}{{range 1000000000000}}{{continue}}{{end}}{{end}}",
		"one in a define":         `{{define "x"}}{{range 1000000000000}}{{end}}{{end}}{{stop}}{{template "x"}}`,
		"one of includes":         `{{define "x"}}{{stop}}{{end}}{{range 1000000000000}}{{include "x" .}}{{end}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			s := newSet(ctx, open(t, Options{Templates: templates(t, map[string]string{"t": text})}, nil))
			s.funcs["stop"] = func() string { cancel(); return "" }
			s.all.Funcs(s.funcs)
			if got, err := s.execute("t", nil); !errors.Is(err, context.Canceled) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestTemplatesAreBounded(t *testing.T) {
	t.Parallel()
	const limit = 10_000
	for _, tt := range []struct{ name, text, want string }{
		{"output of exactly the limit", "{{range 1000}}123456789\n{{end}}", ""},
		{"one byte more", "{{range 1000}}123456789\n{{end}}x", "more than 10000 bytes, see max-size"},
		{"output without end", "{{range 1000000000000}}x{{end}}", "more than 10000 bytes"},
		{"a template of the limit", strings.Repeat("x", limit), ""},
		{"a larger template", "{{/*" + strings.Repeat("x", limit) + "*/}}", `read "t": more than 10000 bytes`},
		{"a large partial", `{{include "large" .}}`, `read "large": more than 10000 bytes`},
		{"a partial's output", `{{define "x"}}{{range 10001}}x{{end}}{{end}}{{$x := include "x" .}}`, "more than 10000 bytes"},
		{"a text that is doubled", `{{$s := "xx"}}{{range 100}}{{$s = print $s $s}}{{end}}`, "more than 10000 bytes"},
		{"by printf", `{{$s := "xx"}}{{range 100}}{{$s = printf "%s%s" $s $s}}{{end}}`, "more than 10000 bytes"},
		{"by println", `{{$s := "xx"}}{{range 100}}{{$s = println $s $s}}{{end}}`, "more than 10000 bytes"},
		{"by quoting", `{{$s := "'"}}{{range 100}}{{$s = shellQuote $s}}{{end}}`, "more than 10000 bytes"},
		{"by toJson", `{{$s := "\""}}{{range 100}}{{$s = toJson $s}}{{end}}`, "more than 10000 bytes"},
		{"by indent", `{{$s := "\nx\nx"}}{{range 300}}{{$s = indent 100 $s}}{{end}}`, "more than 10000 bytes"},
		{"by base64", `{{$s := "xx"}}{{range 100}}{{$s = base64 $s}}{{end}}`, "more than 10000 bytes"},
		{"a wide verb", `{{printf "%010001d" 1}}`, "more than 10000 bytes"},
		{"an include of itself", `{{include "t" .}}`, "templates include each other more than 20 deep"},
		{"a template of itself", `{{template "t" .}}`, "templates include each other more than 20 deep"},
		{"a define of itself", `{{define "x"}}{{template "x" .}}{{end}}{{template "x" .}}`, "templates include each other more than 20 deep"},
		{"two of each other", `{{include "u" .}}`, "templates include each other more than 20 deep"},
		{"an indent without end", `{{indent 1000000000 "x"}}`, "indent by 1000000000, want 0 to 100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := templates(t, map[string]string{"t": tt.text, "u": `{{include "t" .}}`, "large": strings.Repeat("x", limit+1)})
			got, err := get(open(t, Options{Templates: dir, MaxSize: limit}, nil), asks("t"))
			switch {
			case tt.want == "" && (err != nil || len(got) != limit):
				t.Errorf("%d bytes, %v", len(got), err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%d bytes, %v, want %s", len(got), err, tt.want)
			}
		})
	}
}

func TestTemplatesIncludeEachOther(t *testing.T) {
	t.Parallel()
	dir := templates(t, map[string]string{
		"t":             `{{define "title"}}own{{end}}{{include "layouts/base" .}}`,
		"layouts/base":  `<{{block "title" .}}base{{end}}|{{block "body" .}}base{{end}}|{{include "_footer" .}}>`,
		"_footer":       `{{.request.file}} {{template "title" .}}`,
		"named by data": `{{include (printf "layouts/%s" .which) .}}`,
		"lines":         "{{include \"two\" . | indent 2}}",
		"two":           "a\n\nb\n",
		"unused":        `{{if false}}{{include "broken" .}}{{end}}fine`,
		"broken":        `{{`,
	})
	h := open(t, Options{Templates: dir, Vars: vars{"which": "base"}}, nil)
	for file, want := range map[string]string{
		"t":             "<own|base|t own>",
		"layouts/base":  "<base|base|layouts/base base>",
		"named by data": "<base|base|named by data base>",
		"lines":         "  a\n\n  b\n",
		"unused":        "fine",
	} {
		if got, err := get(h, asks(file)); got != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", file, got, err, want)
		}
	}
}

func TestSyntaxErrorsNameFileAndLine(t *testing.T) {
	t.Parallel()
	h := open(t, Options{Templates: templates(t, map[string]string{
		"grub/t":   "a\nb {{.x",
		"function": "\n\n{{sprig .x}}",
		"guard":    "{{tick}}",
		"end":      "{{if .x}}",
		"includes": `{{include "grub/t" .}}`,
	})}, nil)
	for file, want := range map[string]string{
		"grub/t":   `render "grub/t": template: grub/t:2: unclosed action`,
		"function": `render "function": template: function:3: function "sprig" not defined`,
		"guard":    `render "guard": template: guard:1: function "tick" not defined`,
		"end":      `render "end": template: end:1: unexpected EOF`,
		"includes": `render "includes": template: includes:1:2: executing "includes" at <include "grub/t" .>: error calling include: template: grub/t:2: unclosed action`,
	} {
		if got, err := get(h, asks(file)); err == nil || err.Error() != want {
			t.Errorf("%s: %q, %v\nwant %s", file, got, err, want)
		}
	}
}
