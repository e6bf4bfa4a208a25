package top

import (
	"strings"
	"unicode/utf8"
)

// filter is what sessions must have to be shown: all of its words, each somewhere in
// the client, the MAC, the file, the state or the marks.
type filter struct {
	text   string
	typing bool
	words  []string
}

func (f *filter) set(text string) {
	f.text = text
	f.words = strings.Fields(strings.ToLower(text))
}

func (f *filter) accepts(r *row) bool {
	for _, word := range f.words {
		if !strings.Contains(r.words, word) {
			return false
		}
	}
	return true
}

// key takes a key while somebody types.
func (f *filter) key(name string) {
	switch name {
	case "enter":
		f.typing = false
	case "esc":
		f.typing = false
		f.set("")
	case "backspace":
		_, n := utf8.DecodeLastRuneInString(f.text)
		f.set(f.text[:len(f.text)-n])
	case "ctrl+u":
		f.set("")
	case "space":
		f.set(f.text + " ")
	default:
		if utf8.RuneCountInString(name) == 1 {
			f.set(f.text + name)
		}
	}
}
