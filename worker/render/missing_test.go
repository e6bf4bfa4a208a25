package render

import (
	"errors"
	"io/fs"
	"testing"

	"brood/protocol"
)

var something = vars{
	"a": vars{"b": "B", "list": []any{"x", vars{"k": "K"}}}, "text": "T", "empty": "", "zero": 0, "no": false, "n": 7, "f": 1000000.0, "list": []any{},
}

func TestAMissingKeyIsAnErrorThatSaysWhere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"field", "{{.gone}}", `t:1:2: executing "t" at <.gone>: map has no entry for key "gone"`},
		{"on a later line", "a\nb{{.text}}\nc {{.gone}}", `t:3:4: executing "t" at <.gone>: map has no entry for key "gone"`},
		{"field of a map", "{{.a.gone}}", `t:1:4: executing "t" at <.a.gone>: map has no entry for key "gone"`},
		{"field of what is missing", "{{.gone.b}}", `t:1:7: executing "t" at <.gone.b>: map has no entry for key "gone"`},
		{"field of a text", "{{.text.b}}", `t:1:7: executing "t" at <.text.b>: can't evaluate field b in type interface {}`},
		{"field of an item", `{{(index .a.list 1).gone}}`, `t:1:17: executing "t" at <1>: map has no entry for key "gone"`},
		{"of the root", "{{range .a.list}}{{$.gone}}{{end}}", `t:1:20: executing "t" at <$.gone>: map has no entry for key "gone"`},
		{"of a variable", "{{$x := .a}}{{$x.gone}}", `t:1:16: executing "t" at <$x.gone>: map has no entry for key "gone"`},
		{"condition", "{{if .gone}}{{end}}", `t:1:5: executing "t" at <.gone>: map has no entry for key "gone"`},
		{"with", "{{with .gone}}{{end}}", `t:1:7: executing "t" at <.gone>: map has no entry for key "gone"`},
		{"loop", "{{range .gone}}{{end}}", `t:1:8: executing "t" at <.gone>: map has no entry for key "gone"`},
		{"argument", "{{.gone | upper}}", `t:1:2: executing "t" at <.gone>: map has no entry for key "gone"`},
		{"in or", `{{or .gone "x"}}`, `t:1:5: executing "t" at <.gone>: map has no entry for key "gone"`},
		{"in eq", `{{if eq .a.gone "x"}}{{end}}`, `t:1:10: executing "t" at <.a.gone>: map has no entry for key "gone"`},
		{"the default itself", `{{default .gone .text}}`, `t:1:10: executing "t" at <.gone>: map has no entry for key "gone"`},
		{"index", `{{index .a "gone"}}`, `t:1:2: executing "t" at <index .a "gone">: error calling index: map has no entry for key "gone"`},
		{"index of a list", `{{index .a.list 2}}`, `t:1:2: executing "t" at <index .a.list 2>: error calling index: list has no item 2, only 2 items`},
		{"index of index", `{{index .a "gone" "x"}}`, `t:1:2: executing "t" at <index .a "gone" "x">: error calling index: map has no entry for key "gone"`},
		{"in a function that takes all", `{{index .a "gone" | toJson}}`, `t:1:2: executing "t" at <index .a "gone">: error calling index: map has no entry for key "gone"`},
		{"a template without data", `{{define "x"}}{{.gone}}{{end}}{{template "x"}}`, `t:1:41: executing "t" at <include "x" nil>: error calling include: template: t:1:16: executing "x" at <.gone>: map has no entry for key "gone"`},
		{"dot without data", `{{define "x"}}{{.}}{{end}}{{template "x"}}`, `t:1:37: executing "t" at <include "x" nil>: error calling include: template: t:1:16: executing "x" at <output ".">: error calling output: {{.}} is a map: name a key of it, or use toJson`},
		{"request.mac of who is not on link", "{{.request.mac}}", `t:1:10: executing "t" at <.request.mac>: map has no entry for key "mac"`},
		{"a map", "{{.a}}", `t:1:2: executing "t" at <output ".a">: error calling output: {{.a}} is a map: name a key of it, or use toJson`},
		{"a list", "{{.a.list}}", `t:1:2: executing "t" at <output ".a.list">: error calling output: {{.a.list}} is a list: use join, range or toJson`},
		{"nothing from exists' kin", `{{default nil .gone}}`, `t:1:2: executing "t" at <output "default nil .gone">: error calling output: {{default nil .gone}} has no value`},
		{"a list in printf", `{{printf "%v" .list}}`, `t:1:2: executing "t" at <printf "%v" .list>: error calling printf: argument 1 is a list: use join, range or toJson`},
		{"a verb that does not fit", `{{printf "%d" .text}}`, `t:1:2: executing "t" at <printf "%d" .text>: error calling printf: printf: %!d(string=T)`},
		{"a verb without argument", `{{printf "%s %s" .text}}`, `t:1:2: executing "t" at <printf "%s %s" .text>: error calling printf: printf: %!s(MISSING)`},
		{"a map in print", `{{print .text .a}}`, `t:1:2: executing "t" at <print .text .a>: error calling print: argument 2 is a map: name a key of it, or use toJson`},
		{"in a document's partial", `{{"\n"}}{{include "gone" .}}`, `t:1:10: executing "t" at <include "gone" .>: error calling include: open "gone": no such file or directory`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := renders(t, tt.text, something)
			want := `render "t": template: ` + tt.want
			if err == nil || err.Error() != want {
				t.Errorf("%s\n gave %q\n      %v\n want %s", tt.text, got, err, want)
			}
			var p *protocol.Error
			if !errors.As(err, &p) || p.Code != protocol.CodeUndefined || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the client gets %v, want ERROR 0", p)
			}
		})
	}
}

func TestWhatMayBeMissingSaysSo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{{default "D" .gone}}`:                                           "D",
		`{{.gone | default "D"}}`:                                         "D",
		`{{.a.gone | default "D"}}`:                                       "D",
		`{{.gone.b | default "D"}}`:                                       "D",
		`{{.text.b | default "D"}}`:                                       "D",
		`{{$.gone.b | default "D" | lower}}`:                              "d",
		`{{$x := .a}}{{$x.gone | default "D"}}{{$x.b}}`:                   "DB",
		`{{(index .a.list 1).gone | default "D"}}`:                        "D",
		`{{index .a "gone" | default "D"}}`:                               "D",
		`{{default "D" (index .a "gone")}}`:                               "D",
		`{{default "D" (.gone)}}`:                                         "D",
		`{{default .text .gone}}`:                                         "T",
		`{{.a.b | default "D"}}`:                                          "B",
		`{{.empty | default "D"}}`:                                        "",
		`{{.zero | default 5}} {{.no | default true}}`:                    "0 false",
		`{{if exists .gone}}yes{{else}}no{{end}}`:                         "no",
		`{{if exists .gone.b.c}}yes{{else}}no{{end}}`:                     "no",
		`{{if exists .a.b}}yes{{else}}no{{end}}`:                          "yes",
		`{{if .a.b | exists}}yes{{end}}`:                                  "yes",
		`{{if and (exists .gone) .gone.b}}yes{{else}}no{{end}}`:           "no",
		`{{if not (exists .gone)}}no{{end}}`:                              "no",
		`{{with .gone | default .a}}{{.b}}{{end}}`:                        "B",
		`{{range .gone | default .a.list}}x{{end}}`:                       "xx",
		`{{range $i, $v := .list}}{{else}}none{{end}}`:                    "none",
		`{{$x := .gone | default "D"}}{{$x}}`:                             "D",
		`{{if .no}}{{else if exists .gone}}{{else}}c{{end}}`:              "c",
		`{{define "x"}}{{.gone | default "D"}}{{end}}{{template "x" .a}}`: "D",
		`{{block "x" .a}}{{.b}}{{end}}`:                                   "B",
		`{{if .known}}{{.name}}{{else}}unknown{{end}}`:                    "unknown",
		`{{.f}} {{.n}} {{print .n " " .text}} {{printf "%03d%%" .n}}`:     "1000000 7 7 T 007%",
		`{{printf "%s" "100%!"}}`:                                         "100%!",
		`{{range 3}}{{.}}{{if eq . 1}}{{break}}{{end}},{{end}}`:           "0,1",
		`{{range .a.list}}{{continue}}{{end}}-{{- /* no */ -}}`:           "-",
		`{{len .a.list}} {{slice .text 0 1}} {{urlquery "a b"}}`:          "2 T a+b",
		`{{toJson .a}}`:                                                   `{"b":"B","list":["x",{"k":"K"}]}`,
		`{{.request.ip}} {{.request.server}} {{.request.file}} {{.ip}}`:   "10.0.0.7 10.0.0.1 t 10.0.0.7",
	} {
		if got, err := renders(t, text, something); got != want || err != nil {
			t.Errorf("%s\n gave %q, %v\n want %q", text, got, err, want)
		}
	}
}
