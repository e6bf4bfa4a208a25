package virtual

import (
	"strings"
	"testing"
)

func TestOptionsThatCantBe(t *testing.T) {
	t.Parallel()
	type texts = map[string]string
	for _, tt := range []struct {
		name  string
		o     Options
		want  []string // parts of Check's error
		isNew bool     // New says so, too
	}{
		{"nothing at all", Options{}, nil, false},
		{"one of each", Options{Text: texts{"a": ""}, Base64: texts{"b": ""}, Health: "c", Version: "v1.2-3-gabc"}, nil, false},
		{"names that differ by case", Options{Text: texts{"a": "", "A": ""}}, nil, false},
		{"a name that is nothing", Options{Text: texts{"": "x"}}, []string{`text ""`, "no file"}, true},
		{"a name that is a directory's", Options{Base64: texts{"a/": ""}}, []string{`base64 "a/"`, "no file"}, true},
		{"a name with a directory above", Options{Text: texts{"a/../b": ""}}, []string{`text "a/../b"`, "no file"}, true},
		{"a name with a NUL", Options{Text: texts{"a\x00b": ""}}, []string{`text "a\x00b"`, "no file"}, true},
		{"the health file's as well", Options{Health: ".."}, []string{`health ".."`, "no file"}, true},
		{"two spellings of a name", Options{Text: texts{"a/b": "1", `\a\b`: "2"}}, []string{`text "a/b"`, "another file"}, true},
		{"a text and a blob of one name", Options{Text: texts{"a": ""}, Base64: texts{"/a": ""}}, []string{`base64 "/a"`, "another file"}, true},
		{"a text in the health file's place", Options{Text: texts{"health": "ok"}, Health: "/health"}, []string{`health "/health"`, "another file"}, true},
		{"a version of two words", Options{Version: "brood 1.0"}, []string{`version "brood 1.0"`, "single word"}, true},
		{"what isn't base64", Options{Base64: texts{"a": "AAE", "b": "not!"}}, []string{`base64 of "a": illegal`, `base64 of "b": illegal`}, false},
		{"everything at once", Options{Text: texts{"": ""}, Base64: texts{"..": "!"}}, []string{`text ""`, `base64 ".."`, `base64 of ".."`}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.o.Check()
			if (err == nil) != (tt.want == nil) {
				t.Fatalf("Check: %v, want %q in it", err, tt.want)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("Check: %q says nothing of %q", err, part)
				}
			}
			if _, err := New(tt.o); (err != nil) != tt.isNew {
				t.Errorf("New: %v, want an error: %v", err, tt.isNew)
			}
		})
	}
}
