package top

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// cut is a text in so many columns of the screen at most: what is too long loses
// something of its middle, since names differ at their ends, at the last one more.
func cut(m ansi.Method, text string, width int) string {
	long := m.StringWidth(text)
	if long <= width {
		return text
	}
	if width < 1 {
		return ""
	}
	parts, widths := characters(m, text)
	left, right, room := 0, len(parts), width-1
	for most := room / 3; widths[left] <= most; left++ {
		most -= widths[left]
		room -= widths[left]
	}
	for ; widths[right-1] <= room; right-- {
		room -= widths[right-1]
	}
	return strings.Join(parts[:left], "") + "…" + strings.Join(parts[right:], "")
}

// characters takes a text apart into what a terminal shows as one, and how wide.
func characters(m ansi.Method, text string) (parts []string, widths []int) {
	var state byte
	for text != "" {
		part, width, n, next := m.DecodeSequenceInString(text, state, nil)
		parts, widths = append(parts, part), append(widths, width)
		text, state = text[n:], next
	}
	return parts, widths
}

// fit is a text in exactly so many columns.
func fit(m ansi.Method, text string, width int, left bool) string {
	text = cut(m, text, width)
	blanks := strings.Repeat(" ", max(0, width-m.StringWidth(text)))
	if left {
		return text + blanks
	}
	return blanks + text
}

// join puts parts beside each other, as many as there is room for: what does not fit is
// left out, and so is what comes after it.
func join(m ansi.Method, width int, parts ...string) string {
	line := ""
	for _, part := range parts {
		switch {
		case part == "":
			continue
		case line == "":
			line = cut(m, part, width)
			continue
		case m.StringWidth(line)+3+m.StringWidth(part) > width:
			return line
		}
		line += "   " + part
	}
	return line
}
